import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gitEnvironment } from './git.ts';

export type GitRequest = {
  /** The folder that holds all repositories. */
  root: string;
  /** `/{owner}/{name}.git/info/refs` and the like, below `root`. */
  path: string;
  query: string;
  /** Runs after git ends and before the client gets its answer, so that the client's next request sees the change. */
  done: () => Promise<void>;
};

/** The CGI variables (RFC 3875) that git-http-backend(1) reads. Nothing else of the request reaches git. */
function cgiEnvironment(request: IncomingMessage, { root, path, query }: GitRequest): Record<string, string> {
  const { headers } = request;
  const protocol = headers['git-protocol'];
  return {
    ...gitEnvironment(),
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: path,
    QUERY_STRING: query,
    REQUEST_METHOD: request.method ?? 'GET',
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_USER: 'local',
    CONTENT_TYPE: headers['content-type'] ?? '',
    // Without it git reads to the end, which is right for a chunked body: Node.js has decoded it.
    ...(headers['content-length'] && { CONTENT_LENGTH: headers['content-length'] }),
    // git inflates `gzip` and `x-gzip` itself.
    ...(headers['content-encoding'] && { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
    ...(typeof protocol === 'string' && /^[\w=:.-]{1,200}$/.test(protocol) && { GIT_PROTOCOL: protocol }),
  };
}

/** Parses the CGI header block. `length` includes the empty line. Returns undefined if the block is not complete yet. */
function parseHead(
  start: Buffer,
): { status: number; headers: [string, string][]; length: number } | undefined {
  const end = /\r?\n\r?\n/.exec(start.toString('latin1'));
  if (!end) return undefined;
  let status = 200;
  const headers: [string, string][] = [];
  for (const line of start.toString('latin1', 0, end.index).split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else headers.push([name, value]);
  }
  return { status, headers, length: end.index + end[0].length };
}

/** Passes one request to `git http-backend`, streaming both ways. The process ends if the client disconnects. */
export async function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  git: GitRequest,
): Promise<void> {
  const child = spawn('git', ['http-backend'], { env: cgiEnvironment(request, git), stdio: 'pipe' });
  const ended = once(child, 'close');
  response.once('close', () => child.kill());
  // git may answer without reading the whole body; the rest is read and dropped.
  child.stdin.on('error', () => request.unpipe(child.stdin).resume());
  request.pipe(child.stdin);

  async function* answer(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let start: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of source) {
      if (!start) {
        yield chunk;
        continue;
      }
      start = Buffer.concat([start, chunk]);
      const head = parseHead(start);
      if (!head) continue;
      response.writeHead(head.status, Object.fromEntries(head.headers));
      yield start.subarray(head.length);
      start = undefined;
    }
    if (start) {
      response.writeHead(500, { 'content-type': 'text/plain' });
      yield Buffer.from('git http-backend ended without an answer\n');
    } else {
      await git.done();
    }
  }

  const [streamed, stderr, exit] = await Promise.allSettled([
    pipeline(child.stdout, answer, response),
    text(child.stderr),
    ended,
  ]);
  const fault = streamed.status === 'rejected' ? streamed.reason : exit.status === 'rejected' && exit.reason;
  // The client disconnected; git did not fail.
  if (!fault || fault.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
  const account = stderr.status === 'fulfilled' ? stderr.value.trim() : '';
  throw new Error(`git http-backend failed: ${fault.message}. ${account}`.trimEnd(), { cause: fault });
}
