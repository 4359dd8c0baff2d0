import { randomBytes } from 'node:crypto';
import type { Permissions } from '../accounts/caller.ts';
import { sameName } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Clock } from './clock.ts';

export type InstallationOptions = {
  id: number;
  /** The user or organization that installed the app. */
  account: string;
  /** `owner/name` of the chosen repositories. @default all of the account's */
  repositories?: readonly string[];
};

/** A GitHub App: its public key, and the permissions granted to it when it was installed. */
export type AppOptions = {
  id: number;
  /** @default `app-{id}` */
  slug?: string;
  /** PEM. */
  publicKey: string;
  permissions: Permissions;
  installations: readonly InstallationOptions[];
};

export type Installation = InstallationOptions & { app: AppOptions };

export type InstallationToken = {
  token: string;
  installation: Installation;
  permissions: Permissions;
  /** Undefined means all repositories of the installation. */
  repositories: readonly Repository[] | undefined;
  /** A moment of the `Clock`. */
  expiresAt: number;
};

/** https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app */
const TOKEN_MS = 60 * 60_000;

/** The apps, and the tokens of their installations. Tokens do not survive a restart. */
export class AppStore {
  readonly #apps: readonly AppOptions[];
  readonly #clock: Clock;
  readonly #tokens = new Map<string, InstallationToken>();

  constructor(apps: readonly AppOptions[], clock: Clock) {
    this.#apps = apps;
    this.#clock = clock;
  }

  find(id: number): AppOptions | undefined {
    return this.#apps.find((app) => app.id === id);
  }

  installation(app: AppOptions, id: number): Installation | undefined {
    const installation = app.installations.find((one) => one.id === id);
    return installation && { ...installation, app };
  }

  installationOn(app: AppOptions, repository: Repository): Installation | undefined {
    const installation = app.installations.find((one) => this.reaches(one, repository));
    return installation && { ...installation, app };
  }

  reaches({ account, repositories }: InstallationOptions, { record, fullName }: Repository): boolean {
    return (
      sameName(account, record.owner) && (repositories?.some((name) => sameName(name, fullName)) ?? true)
    );
  }

  createToken(
    installation: Installation,
    permissions: Permissions,
    repositories: readonly Repository[] | undefined,
  ): InstallationToken & { expires: string } {
    const expiresAt = this.#clock.now() + TOKEN_MS;
    const token = `ghs_${randomBytes(27).toString('base64url').replace(/[-_]/g, '0')}`;
    const made = { token, installation, permissions, repositories, expiresAt };
    this.#tokens.set(token, made);
    const expires = new Date(this.#clock.toEpoch(expiresAt)).toISOString().replace(/\.\d+Z$/, 'Z');
    return { ...made, expires };
  }

  /** Returns undefined if the token is unknown or has expired. */
  findToken(token: string): InstallationToken | undefined {
    const found = this.#tokens.get(token);
    if (found && found.expiresAt > this.#clock.now()) return found;
    this.#tokens.delete(token);
    return undefined;
  }
}
