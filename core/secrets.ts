import { unusableSecret } from './command-secrets.ts';
import { SettingsError } from './errors.ts';
import type { CredentialProvider } from './worker-credentials.ts';

/** An environment, in which an empty variable counts as absent. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The variables of each secret, the preferred one first. `{variable}_SECRET_ID` is its name in Secrets Manager. */
const SECRETS = {
  /** Reads repositories; the worker clones with it. */
  GITHUB_TOKEN: ['GITHUB_TOKEN'],
  /** Opens pull requests; GITHUB_TOKEN is used if it is absent. Never in the worker's environment. */
  GITHUB_WRITE_TOKEN: ['GITHUB_WRITE_TOKEN', 'GITHUB_TOKEN'],
  /** PEM, of the App that GITHUB_APP_ID names. Never in the worker's environment. */
  GITHUB_APP_PRIVATE_KEY: ['GITHUB_APP_PRIVATE_KEY'],
  CLAUDE_API_KEY: ['CLAUDE_API_KEY', 'ANTHROPIC_API_KEY'],
  /** Signs notices. Never in the worker's environment. */
  NOTICE_SIGNING_KEY: ['NOTICE_SIGNING_KEY'],
} as const;
export type SecretName = keyof typeof SECRETS;

/** Variables that hold a secret itself. */
export const SECRET_VARIABLES: readonly string[] = [...new Set(Object.values(SECRETS).flat())];

/** The secret variables that no worker gets: they write to GitHub, or sign notices. */
export const WRITE_CREDENTIALS: readonly string[] = [
  'GITHUB_WRITE_TOKEN',
  'GITHUB_APP_PRIVATE_KEY',
  'NOTICE_SIGNING_KEY',
];

const SECRET_LIFE_MS = 5 * 60_000;

/** The secrets of an environment, kept for 5 minutes. `now` is in milliseconds. */
export class Secrets {
  readonly #variables: Variables;
  readonly #now: () => number;
  readonly #credentials: CredentialProvider | undefined;
  readonly #read = new Map<SecretName, { value: Promise<string | undefined>; at: number }>();

  constructor(variables: Variables, now: () => number, credentials: CredentialProvider | undefined) {
    this.#variables = variables;
    this.#now = now;
    this.#credentials = credentials;
  }

  get(name: SecretName): Promise<string | undefined> {
    const known = this.#read.get(name);
    if (known && this.#now() - known.at < SECRET_LIFE_MS) return known.value;
    const value = readSecret(this.#variables, SECRETS[name], this.#credentials);
    const reading = { value, at: this.#now() };
    this.#read.set(name, reading);
    // A failure is not kept: the process may outlive it, and the secret may be filled by then.
    value.catch(() => this.#read.get(name) === reading && this.#read.delete(name));
    return value;
  }

  forget(): void {
    this.#read.clear();
  }

  /** Its name in Secrets Manager. Returns undefined if the secret is not there. */
  idOf(name: SecretName): string | undefined {
    const variables = this.#variables;
    const configured = SECRETS[name].find((one) => variables[`${one}_SECRET_ID`] || variables[one]);
    return configured && variables[`${configured}_SECRET_ID`];
  }
}

/** A secret for `setup`. Throws SettingsError if it is not allowed, has no value, or cannot be redacted. */
export async function readCommandSecret(
  name: string,
  allowed: readonly string[],
  variables: Variables,
  credentials: CredentialProvider | undefined,
): Promise<string> {
  if (!allowed.includes(name)) {
    throw new SettingsError(
      `COMMAND_SECRETS allows ${allowed.join(', ') || 'no secret'}, and the job asks for ${name}. Add it to the setting, or take it out of settings.commandSecrets.`,
    );
  }
  const value = await readSecret(variables, [name], credentials);
  if (value === undefined) {
    throw new SettingsError(
      `COMMAND_SECRETS allows ${name}, and it has no value. Set ${name}, or ${name}_SECRET_ID to its name in Secrets Manager.`,
    );
  }
  const problem = unusableSecret(value);
  if (problem) throw new SettingsError(`The secret ${name} of COMMAND_SECRETS ${problem}.`);
  return value;
}

/**
 * The command that fills a secret: the value comes from standard input, so that it is in no history and no process list,
 * and without the line feed of Enter. A key of several lines comes from its file.
 */
export function fillSecretCommand(secretId: string, name: string): string {
  const put = `aws secretsmanager put-secret-value --secret-id ${secretId} --secret-string`;
  return name === 'GITHUB_APP_PRIVATE_KEY'
    ? `${put} file://KEY.pem`
    : `read -rs VALUE && printf %s "$VALUE" | ${put} file:///dev/stdin`;
}

async function readSecret(
  variables: Variables,
  names: readonly string[],
  credentials: CredentialProvider | undefined,
): Promise<string | undefined> {
  for (const name of names) {
    const secretId = variables[`${name}_SECRET_ID`];
    if (secretId) {
      const value = (await readSecretsManager(secretId, credentials))?.trim();
      if (value) return value;
      throw new SettingsError(
        `The secret ${secretId} of ${name}_SECRET_ID is not there or has no value yet; fill it: ${fillSecretCommand(secretId, name)}`,
      );
    }
    const plain = variables[name]?.trim();
    if (plain) return plain;
  }
  return undefined;
}

/** Returns undefined if there is no such secret, or none of its versions has a value: the service answers both alike. */
async function readSecretsManager(
  secretId: string,
  credentials: CredentialProvider | undefined,
): Promise<string | undefined> {
  // Loaded on demand, so that a process without a secret in Secrets Manager starts without the client.
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient({ ...(credentials && { credentials }) });
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: secretId }))).SecretString;
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}
