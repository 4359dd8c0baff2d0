import type { IncomingMessage } from 'node:http';
import type { Caller } from '../accounts/caller.ts';
import type { GitHub } from '../github.ts';
import type { Answer } from './call.ts';
import { conditional } from './conditional.ts';
import { GitHubError, notFound } from './github-error.ts';
import { findRoute, type Matched } from './routes.ts';

/** Requests that notify people; GitHub's limit on content creation counts them. */
const CREATES_CONTENT: ReadonlySet<string> = new Set([
  'POST /repos/{owner}/{repo}/pulls',
  'PUT /repos/{owner}/{repo}/pulls/{number}/merge',
  'POST /repos/{owner}/{repo}/pulls/{number}/requested_reviewers',
  'PUT /repos/{owner}/{repo}/collaborators/{username}',
]);

/** https://docs.github.com/rest/rate-limit: this request does not count against the limit. */
const FREE = '/rate_limit';

export type RestRequest = {
  request: IncomingMessage;
  method: string;
  /** The path below `/api/v3`, without a trailing slash. */
  path: string;
  url: URL;
  readBody(): Promise<unknown>;
};

/**
 * Maps `/repositories/{id}/…`, the target of redirects after a rename, to the current
 * `/repos/{owner}/{name}/…`.
 */
function byName({ repositories }: GitHub, path: string): string {
  const [, id, rest = ''] = /^\/repositories\/(\d{1,15})(\/.*)?$/.exec(path) ?? [];
  if (id === undefined) return path;
  const repository = repositories.findById(Number(id));
  if (!repository) throw notFound();
  return `/repos/${repository.fullName}${rest}`;
}

async function perform(
  github: GitHub,
  caller: Caller,
  { route, params }: Matched,
  { request, url, method, readBody }: RestRequest,
): Promise<Answer> {
  const [, template, permission, handler] = route;
  if (template !== FREE) {
    const createsContent = CREATES_CONTENT.has(`${method} ${template}`);
    github.limits.admit(caller.account, { writes: method !== 'GET', createsContent });
  }
  const answer = await handler({
    github,
    caller,
    params,
    query: url.searchParams,
    location: `${url.origin}${url.pathname}`,
    accept: request.headers.accept ?? '',
    body: await readBody(),
  });
  const found = method === 'GET' ? conditional(answer, request.headers['if-none-match']) : answer;
  const accepted = caller.permissions && permission && { 'x-accepted-github-permissions': permission };
  return { ...found, headers: { ...accepted, ...found.headers } };
}

/**
 * Answers one request of the REST API: identifies the caller, applies limits, runs the route, compares
 * ETags.
 */
export async function answerRest(github: GitHub, rest: RestRequest): Promise<Answer> {
  const caller = github.credentials.identify(rest.request.headers);
  const matched = findRoute(rest.method, byName(github, rest.path));
  const answer = await perform(github, caller, matched, rest).catch((error: unknown): Answer => {
    if (!(error instanceof GitHubError)) throw error;
    return { status: error.status, body: error, headers: { ...error.details.headers } };
  });
  if (rest.method !== 'GET' && answer.status < 300) {
    if (github.lostAnswers.isLost(`${rest.method} ${matched.route[1]}`)) rest.request.socket.destroy();
  }
  const free = answer.status === 304 && caller.kind !== 'anonymous';
  if (!free && matched.route[1] !== FREE) github.limits.spend(caller.account);
  return { ...answer, headers: { ...answer.headers, ...github.limits.headers(caller.account) } };
}
