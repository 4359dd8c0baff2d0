import type { IncomingMessage, ServerResponse } from 'node:http';
import { relative, resolve } from 'node:path';
import type { Access } from '../access/access.ts';
import { listenOnLoopback, readBody } from '../access/loopback.ts';
import { admitGit } from './git-access.ts';
import { serveGit } from './git-http.ts';
import type { GitHub } from './github.ts';
import { servePage } from './pages.ts';
import { RepositoryStore } from './repositories/repository-store.ts';
import type { Answer } from './rest/call.ts';
import { GitHubError } from './rest/github-error.ts';
import { answerRest } from './rest/rest.ts';
import { openStrictRules, type StrictOptions } from './strict/strict-rules.ts';

export type GitHubOptions = StrictOptions & {
  /** Holds every repository and pull request; made when it is absent. One server at a time. */
  dataFolder: string;
  /** 0 (the default) takes a free one. URLs that were given out carry it, so a lasting server names one. */
  port?: number;
  /** Who may call; credentials that this GitHub gave out let in too. What a caller may do is told by their token. */
  access: Access;
  /** Told of faults of the server itself; refusals are only answered. */
  logger?: { error(message: string, error: Error): void };
};

export type LocalGitHub = {
  /** Where pages and clones are: `${url}/{owner}/{name}.git`. */
  readonly url: string;
  /** What GITHUB_API_URL is set to: `${url}/api/v3`. */
  readonly apiUrl: string;
  /** Stops listening, ends git processes that serve a client, and waits for what had begun. */
  close(): Promise<void>;
};

/** GitHub's limit for a blob, applied to any request of the REST API. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;

const API_PREFIX = '/api/v3';
/** Where GitHub Enterprise has it. */
const GRAPHQL_PATH = '/api/graphql';

/** The smart protocol's three requests; git adds `.git` or not, as the remote's URL does. */
const GIT_PATH = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;

async function readJson(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request, MAX_BODY_BYTES);
  if (!bytes) throw new GitHubError(413, `The body is longer than ${MAX_BODY_BYTES} bytes`);
  if (bytes.length === 0) return {};
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new GitHubError(415, `Content-Type ${type ?? 'is absent'}: send application/json`);
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
    // Loaded on demand: most stacks look at no pull request.
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
  const page = method === 'GET' ? await servePage(github, pathname) : undefined;
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
 * A GitHub Enterprise host on loopback: REST below `/api/v3`, git over HTTP, and a page for each pull request. Its
 * state is bare repositories and JSON files in `dataFolder`. A route it does not know is refused with 501. Throws what
 * `listen` throws, and when a file of the data folder does not parse.
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
      proof:
        () =>
        ({ headers }) =>
          rules.credentials.knows(headers),
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
