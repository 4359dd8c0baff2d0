import type { IncomingHttpHeaders } from 'node:http';
import { LOCAL_USER } from './accounts.ts';
import { GitHubError } from './github-error.ts';

/** What a fine-grained token or an installation may do, such as `{contents: 'write', pull_requests: 'write'}`. */
export type Permissions = Readonly<Record<string, 'read' | 'write' | 'admin'>>;

export type TokenOptions = {
  token: string;
  /** Whose it is. @default 'local', who owns every repository */
  login?: string;
  /** Of a fine-grained token. @default all, as a classic token with the scope `repo` has */
  permissions?: Permissions;
  /** `owner/name` of those it reaches. @default all */
  repositories?: readonly string[];
};

/** Who a request comes from, and what its credential lets it do. */
export type Caller = {
  kind: 'anonymous' | 'user' | 'installation' | 'app';
  /** Absent where nobody said who they are. */
  login?: string;
  /** What rate limits count by: GitHub's are a user's, however many tokens, and an installation's. */
  account: string;
  /** Everything where it is absent. */
  permissions?: Permissions;
  /** Lower-case `owner/name`; every repository where it is absent. */
  repositories?: ReadonlySet<string>;
};

export const badCredentials = (): GitHubError => new GitHubError(401, 'Bad credentials');

/** The token of `Bearer`, `token` or `Basic`, in which git sends it as the password; undefined where there is none. */
export function tokenOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  const [scheme = '', value = ''] = authorization.trim().split(/\s+/, 2);
  if (!/^basic$/i.test(scheme)) return value || undefined;
  const [user = '', password = ''] = Buffer.from(value, 'base64').toString().split(/:(.*)/s, 2);
  return password === 'x-oauth-basic' ? user : password || user;
}

/** The tokens that this GitHub knows. Without a list, any token and none is the owner's. */
export class Credentials {
  readonly #tokens: ReadonlyMap<string, TokenOptions> | undefined;

  constructor(tokens: readonly TokenOptions[] | undefined) {
    this.#tokens = tokens && new Map(tokens.map((token) => [token.token, token]));
  }

  /** Throws 401 for a token that is not known, expired ones among them. */
  identify(headers: IncomingHttpHeaders): Caller {
    const token = tokenOf(headers);
    if (!this.#tokens) return { kind: 'user', login: LOCAL_USER, account: LOCAL_USER };
    if (!token) return { kind: 'anonymous', account: 'anonymous' };
    const known = this.#tokens.get(token);
    if (!known) throw badCredentials();
    const { login = LOCAL_USER, permissions, repositories } = known;
    return {
      kind: 'user',
      login,
      account: login,
      ...(permissions && { permissions }),
      ...(repositories && { repositories: new Set(repositories.map((name) => name.toLowerCase())) }),
    };
  }
}
