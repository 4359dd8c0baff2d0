import type { z } from 'zod';
import type { Repository } from '../repositories/repository.ts';
import type { RepositoryStore } from '../repositories/repository-store.ts';
import type { Permission } from '../strict/access.ts';
import type { AppStore } from '../strict/app-store.ts';
import type { Caller, Credentials } from '../strict/credentials.ts';
import type { LostAnswers } from '../strict/lost-answers.ts';
import type { RateLimits } from '../strict/rate-limits.ts';
import type { TeamStore } from '../strict/team-store.ts';
import { type FieldError, GitHubError } from './github-error.ts';

export type GitHub = {
  /** Where pages and clones are, as `https://github.example.com` is. */
  url: string;
  /** Where the REST API is: `${url}/api/v3`. */
  apiUrl: string;
  repositories: RepositoryStore;
  teams: TeamStore;
  apps: AppStore;
  credentials: Credentials;
  limits: RateLimits;
  /** Lower-case `owner/name` of those that GitHub has blocked. */
  disabled: ReadonlySet<string>;
  lostAnswers: LostAnswers;
};

export type Call = {
  github: GitHub;
  caller: Caller;
  /** What the template's `{names}` stood for, decoded. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The request's URL without its query. */
  location: string;
  accept: string;
  /** The parsed JSON body; `{}` when there was none. */
  body: unknown;
};

export type RepositoryCall = Call & {
  repository: Repository;
  /** `${apiUrl}/repos/{owner}/{name}`, which most `url` fields start with. */
  url: string;
  /** `${url}/{owner}/{name}`, which most `html_url` fields start with. */
  htmlUrl: string;
};

export type Answer = {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is a Buffer; absent in a 204. */
  body?: unknown;
};

/**
 * `[method, path template, permission, handler]`. `{name}` stands for one path segment, `{name*}` for one or more, so
 * that a branch may be written with its slashes encoded or not.
 */
export type Route = readonly [string, string, Permission, (call: Call) => Promise<Answer>];

/** The same below `/repos/{owner}/{repo}`, for a repository that the caller may do this with. */
export type RepositoryRoute = readonly [
  string,
  string,
  Permission,
  (call: RepositoryCall) => Promise<Answer>,
];

/** The body as `schema` reads it. Throws 422 with an entry for each fault, `resource` being what GitHub calls it. */
export function parseBody<Schema extends z.ZodType>(
  call: Call,
  resource: string,
  schema: Schema,
): z.infer<Schema> {
  const result = schema.safeParse(call.body, { reportInput: true });
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue): FieldError => {
    const missing = issue.input === undefined;
    const field = issue.path.map(String).join('.');
    return missing
      ? { resource, field, code: 'missing_field' }
      : { resource, field, code: 'invalid', message: `${field || 'body'}: ${issue.message}` };
  });
  throw new GitHubError(422, 'Validation Failed', { errors });
}

/** `per_page` (30, at most 100) and `page` (from 1). */
function pageOf(query: URLSearchParams): { page: number; perPage: number } {
  const number = (name: string, fallback: number): number => {
    const value = Number.parseInt(query.get(name) ?? '', 10);
    return value >= 1 ? value : fallback;
  };
  return { page: number('page', 1), perPage: Math.min(100, number('per_page', 30)) };
}

/** 200 with one page of `items`, and the Link header that clients follow. */
export async function paginated<Item>(
  call: Call,
  items: readonly Item[],
  present: (item: Item) => unknown,
): Promise<Answer> {
  const { page, perPage } = pageOf(call.query);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const link = (to: number, relation: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('page', String(to));
    return `<${call.location}?${query}>; rel="${relation}"`;
  };
  const links = [
    ...(page > 1 ? [link(Math.min(page - 1, last), 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  const shown = items.slice((page - 1) * perPage, page * perPage);
  return {
    status: 200,
    body: await Promise.all(shown.map(present)),
    ...(links.length > 0 && { headers: { link: links.join(', ') } }),
  };
}
