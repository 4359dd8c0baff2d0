import type { Caller } from '../accounts/caller.ts';
import type { GitHub } from '../github.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Permission } from '../strict/access.ts';

export type Call = {
  github: GitHub;
  caller: Caller;
  /** The values of the template's `{names}`, decoded. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The request's URL without its query. */
  location: string;
  accept: string;
  /** The parsed JSON body; `{}` if the request has none. */
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
 * `[method, path template, permission, handler]`. `{name}` matches one path segment, `{name*}` one or
 * more: a branch may be written with its slashes encoded or not.
 */
export type Route = readonly [string, string, Permission, (call: Call) => Promise<Answer>];

/**
 * A route below `/repos/{owner}/{repo}`; the handler runs only if the caller may do this with the
 * repository.
 */
export type RepositoryRoute = readonly [
  string,
  string,
  Permission,
  (call: RepositoryCall) => Promise<Answer>,
];
