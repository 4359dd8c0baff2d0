import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listenOnLoopback } from '../../local/access/loopback.ts';

/** A call that went through the proxy: `POST /repos/local/a/git/trees`, and the answer's status. */
export type Call = { line: string; status: number | undefined; body: string };

/**
 * The fate of a call: `lost` is carried out but not answered, `refused` is neither. An answer in place of GitHub's is JSON if
 * it has a body.
 */
export type Fate = 'answered' | 'lost' | 'refused' | { status: number; body?: object };

export type GitHubProxy = {
  /** For GITHUB_API_URL. */
  readonly apiUrl: string;
  readonly calls: Call[];
  /** Sets the fate of the `n`th call, from 1. `onUnanswered` runs after each call that gets no answer. */
  decide(fate: (n: number, line: string, body: string) => Fate, onUnanswered?: () => void): void;
  close(): Promise<void>;
};

/** A proxy between the product and the local GitHub that records calls and loses answers. */
export async function startGitHubProxy(gitHubUrl: string): Promise<GitHubProxy> {
  const calls: Call[] = [];
  let fateOf: (n: number, line: string, body: string) => Fate = () => 'answered';
  let onUnanswered = () => {};
  const { host } = new URL(gitHubUrl);

  async function pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await buffer(request);
    const line = `${request.method} ${request.url!.replace('/api/v3', '')}`;
    const call: Call = { line, status: undefined, body: body.toString() };
    calls.push(call);
    const fate = fateOf(calls.length, line, call.body);
    if (fate === 'refused') return onUnanswered();
    if (typeof fate === 'object') {
      call.status = fate.status;
      response.writeHead(fate.status, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify(fate.body ?? { message: 'Bad Gateway' }));
    }
    const answer = await send(request, body);
    call.status = answer.status;
    if (fate === 'lost') return onUnanswered();
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  function send(request: http.IncomingMessage, body: Buffer) {
    return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: Buffer }>(
      (resolve, reject) => {
        const forwarded = http.request(
          `${gitHubUrl}${request.url}`,
          { method: request.method, headers: { ...request.headers, host } },
          (answer) => {
            buffer(answer).then(
              (bytes) => resolve({ status: answer.statusCode!, headers: answer.headers, body: bytes }),
              reject,
            );
          },
        );
        forwarded.on('error', reject).end(body);
      },
    );
  }

  const server = await listenOnLoopback(
    (request, response) => {
      pass(request, response).catch((error: Error) => response.destroy(error));
    },
    { access: 'anyone', name: 'github proxy' },
  );
  return {
    apiUrl: `${server.url}/api/v3`,
    calls,
    decide(fate, unanswered = () => {}) {
      calls.length = 0;
      fateOf = fate;
      onUnanswered = unanswered;
    },
    close: server.close,
  };
}
