import type { IncomingHttpHeaders } from 'node:http';
import { tokenOf } from '../../access/authorization-header.ts';
import { LOCAL_USER } from '../accounts/accounts.ts';
import type { Caller, Permissions } from '../accounts/caller.ts';
import { appSlugOf } from '../names.ts';
import { GitHubError } from '../rest/github-error.ts';
import { isJwt, verifyAppJwt } from './app-jwt.ts';
import type { AppStore, InstallationToken } from './app-store.ts';

export type TokenOptions = {
  token: string;
  /** The user of the token. @default 'local', who owns every repository */
  login?: string;
  /** For a fine-grained token. @default all, like a classic token with the scope `repo` */
  permissions?: Permissions;
  /** `owner/name` of the repositories that it can access. @default all */
  repositories?: readonly string[];
};

/** https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats */
const INSTALLATION_PREFIX = 'ghs_';

export const badCredentials = (): GitHubError => new GitHubError(401, 'Bad credentials');

const userOf = ({ login = LOCAL_USER, permissions, repositories }: Partial<TokenOptions>): Caller => ({
  kind: 'user',
  login,
  account: login,
  ...(permissions && { permissions }),
  ...(repositories && { repositories: new Set(repositories.map((name) => name.toLowerCase())) }),
});

function installationOf({ installation, permissions, repositories }: InstallationToken): Caller {
  const names = repositories?.map(({ fullName }) => fullName) ?? installation.repositories;
  return {
    kind: 'installation',
    login: `${appSlugOf(installation.app)}[bot]`,
    account: `installation ${installation.id}`,
    owner: installation.account,
    permissions,
    ...(names && { repositories: new Set(names.map((name) => name.toLowerCase())) }),
    appId: installation.app.id,
  };
}

/** The known tokens. Without a list, a request is from `local` unless it has the token of an app. */
export class Credentials {
  readonly #tokens: ReadonlyMap<string, TokenOptions> | undefined;
  readonly #apps: AppStore;

  constructor(tokens: readonly TokenOptions[] | undefined, apps: AppStore) {
    this.#tokens = tokens && new Map(tokens.map((token) => [token.token, token]));
    this.#apps = apps;
  }

  /** Whether there is a list of tokens, so that callers differ. */
  get areListed(): boolean {
    return this.#tokens !== undefined;
  }

  /** Whether a request has a valid credential: a listed token, or one of an app. */
  knows(headers: IncomingHttpHeaders): boolean {
    const token = tokenOf(headers);
    if (!token) return false;
    if (!token.startsWith(INSTALLATION_PREFIX) && !isJwt(token)) return this.#tokens?.has(token) ?? false;
    try {
      this.identify(headers);
      return true;
    } catch {
      return false;
    }
  }

  /** Throws 401 if the token is unknown or has expired. */
  identify(headers: IncomingHttpHeaders): Caller {
    const token = tokenOf(headers);
    if (token?.startsWith(INSTALLATION_PREFIX)) {
      const known = this.#apps.findToken(token);
      if (!known) throw badCredentials();
      return installationOf(known);
    }
    if (token && isJwt(token)) {
      const appId = verifyAppJwt(token, (id) => this.#apps.find(id)?.publicKey);
      return { kind: 'app', account: `app ${appId}`, appId };
    }
    if (!this.#tokens) return userOf({});
    if (!token) return { kind: 'anonymous', account: 'anonymous' };
    const known = this.#tokens.get(token);
    if (!known) throw badCredentials();
    return userOf(known);
  }
}
