import type { IncomingMessage, ServerResponse } from 'node:http';
import { relative, resolve } from 'node:path';
import type { Access } from '../access/access.ts';
import { listenOnLoopback, readBody } from '../access/loopback.ts';
import { browserProof } from '../access/sign-in.ts';
import { admitGit } from './git-access.ts';
import { serveGit } from './git-http.ts';
import type { GitHub } from './github.ts';
import { servePage } from './pages/pages.ts';
import { RepositoryStore } from './repositories/repository-store.ts';
import type { Answer } from './rest/call.ts';
import { GitHubError } from './rest/github-error.ts';
import { answerRest } from './rest/rest.ts';
import { openStrictRules, type StrictOptions } from './strict/strict-rules.ts';

export type GitHubOptions = StrictOptions & {
  /** Has every repository and pull request; created if absent. Only one server may use it at a time. */
  dataFolder: string;
  /**
   * 0 (the default) takes a free port. Links contain the port, so a server that is started again needs a
   * fixed one.
   */
  port?: number;
  /** Who may connect. A credential of this GitHub is also enough; it decides what the caller may do. */
  access: Access;
  /** Receives the server's own faults, but not refusals. */
  logger?: { error(message: string, error: Error): void };
};

export type LocalGitHub = {
  /** Pages and clones are below it: `${url}/{owner}/{name}.git`. */
  readonly url: string;
  /** The value of GITHUB_API_URL: `${url}/api/v3`. */
  readonly apiUrl: string;
  /** Stops listening, ends git processes that serve a client, and waits for requests under way. */
  close(): Promise<void>;
};

/** GitHub's limit for a blob, applied to any request of the REST API. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;

const API_PREFIX = '/api/v3';
/** The path on a GitHub Enterprise host. */
const GRAPHQL_PATH = '/api/graphql';

/** The three requests of git's smart protocol, with or without `.git`, as in the remote's URL. */
const GIT_PATH = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;

async function readJson(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request, MAX_BODY_BYTES);
  if (!bytes) throw new GitHubError(413, `The body is longer than ${MAX_BODY_BYTES} bytes. Send less.`);
  if (bytes.length === 0) return {};
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new GitHubError(
      415,
      type
        ? `Content-Type ${type} is not accepted. Send application/json.`
        : 'Content-Type is absent. Send application/json.',
    );
  }
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new GitHubError(400, 'Problems parsing JSON');
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json; charset=utf-8';
  response
    .writeHead(status, {
      ...(bytes && {
        'content-type': type,
        'content-length': bytes.length,
        'x-content-type-options': 'nosniff',
      }),
      ...headers,
    })
    .end(bytes);
}

async function handle(
  github: GitHub,
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', github.url);
  const { pathname, search } = url;
  // Node sends no body in answer to HEAD.
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  if (pathname === API_PREFIX || pathname.startsWith(`${API_PREFIX}/`)) {
    const path = pathname.slice(API_PREFIX.length).replace(/\/$/, '');
    const rest = { request, method, path, url, readBody: () => readJson(request) };
    send(response, await answerRest(github, rest));
    return;
  }
  if (pathname === GRAPHQL_PATH) {
    // Loaded on demand: most stacks send no GraphQL.
    const { answerGraphQL } = await import('./graphql/graphql.ts');
    send(response, await answerGraphQL(github, request, () => readJson(request)));
    return;
  }
  const [, owner = '', name = '', service] = GIT_PATH.exec(pathname) ?? [];
  if (service) {
    const asked = { owner, name, service, search };
    const repository = admitGit(github, asked, request.headers);
    const done = async (): Promise<void> => {
      if (service === 'git-receive-pack') await repository.pushed();
    };
    const path = `/${relative(root, repository.gitFolder)}/${service}`;
    await serveGit(request, response, { root, path, query: search.slice(1), done });
    return;
  }
  const page = await servePage(github, request, pathname);
  if (!page) throw new GitHubError(404, 'Not Found');
  response.writeHead(page.status, page.headers).end(page.body);
}

function sendError(response: ServerResponse, error: unknown, logger: GitHubOptions['logger']): void {
  if (!(error instanceof GitHubError)) {
    const fault = error instanceof Error ? error : new Error(String(error));
    logger?.error('The local GitHub failed to answer a request', fault);
    if (response.writableEnded) return;
    if (response.headersSent) response.destroy();
    else send(response, { status: 500, body: { message: fault.message, status: '500' } });
    return;
  }
  send(response, {
    status: error.status,
    body: error,
    ...(error.details.headers && { headers: error.details.headers }),
  });
}

/**
 * Starts a GitHub Enterprise host on loopback: REST below `/api/v3`, GraphQL, git over HTTP, and pages.
 * Its state is bare repositories and JSON files in `dataFolder`. It answers unknown routes with 501.
 * Throws what `listen` throws, and if a file of the data folder does not parse.
 */
export async function startGitHub(options: GitHubOptions): Promise<LocalGitHub> {
  const root = resolve(options.dataFolder);
  const repositories = await RepositoryStore.open(root);
  const rules = await openStrictRules(root, options);
  const underway = new Set<Promise<void>>();
  const server = await listenOnLoopback(
    (request, response) => {
      const work = handle(github, root, request, response)
        .catch((error: unknown) => sendError(response, error, options.logger))
        .finally(() => underway.delete(work));
      underway.add(work);
    },
    {
      name: 'github',
      access: options.access,
      proof: (secret) => {
        const isBrowser = browserProof(secret);
        return (request) => rules.credentials.knows(request.headers) || isBrowser(request);
      },
      ...(options.port !== undefined && { port: options.port }),
    },
  );
  const github: GitHub = {
    url: server.url,
    apiUrl: `${server.url}${API_PREFIX}`,
    repositories,
    ...rules,
  };
  return {
    url: github.url,
    apiUrl: github.apiUrl,
    close: async () => {
      await server.close();
      await Promise.all(underway);
    },
  };
}
