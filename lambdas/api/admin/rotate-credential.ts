import { createPrivateKey } from 'node:crypto';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { InvalidInputError } from '../../../core/errors.ts';
import type { SecretName } from '../../../core/secrets.ts';
import type { Settings } from '../../../core/settings.ts';
import { NotAvailableHereError } from '../problem.ts';
import { routeOfAll } from '../route.ts';
import { audited } from './audited.ts';
import { ROTATE_CREDENTIAL } from './rotate-credential-route.ts';

const { method, path, ...description } = ROTATE_CREDENTIAL;

/**
 * Stores a new value of a credential, after its service has accepted it. Functions and workers take it within 5 minutes;
 * revoke the old one after that.
 */
export const rotateCredential = routeOfAll(
  method,
  path,
  description,
  async ({ params: { name }, body: { value: given, reason }, createdBy: by }, context) => {
    const { settings } = context;
    const value = given.trim();
    const rotate = async () => {
      const secretId = settings.ROTATED_SECRETS[name];
      if (secretId === undefined) throw notInSecretsManager(name);
      if (value.length < 8 || value.length > 8192)
        throw refused(`The new ${name} has ${value.length} characters; expected 8 to 8192.`);
      await requireAccepted(name, value, settings);
      const { VersionId } = await new SecretsManagerClient({}).send(
        new PutSecretValueCommand({ SecretId: secretId, SecretString: value }),
      );
      settings.forgetSecrets();
      return { after: { versionId: VersionId } };
    };
    return {
      json: await audited({ action: 'rotateCredential', subject: name, by, reason }, rotate, context),
    };
  },
);

function notInSecretsManager(name: SecretName): NotAvailableHereError {
  return new NotAvailableHereError(
    `This environment does not have ${name} in Secrets Manager. On one machine, set the variable ${name} (or its line in .env) and start \`cody-batch serve\` again; on AWS, ${name} is not a credential of this deployment.`,
  );
}

/** Asks the credential's service whether it knows it, so that a mistyped key does not stop all jobs. */
async function requireAccepted(name: SecretName, value: string, settings: Settings): Promise<void> {
  if (name === 'GITHUB_APP_PRIVATE_KEY') return requireKey(value);
  const { url, headers } =
    name === 'CLAUDE_API_KEY'
      ? {
          url: `${settings.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com'}/v1/models`,
          headers: { 'x-api-key': value, 'anthropic-version': '2023-06-01' },
        }
      : { url: `${settings.GITHUB_API_URL}/rate_limit`, headers: { authorization: `Bearer ${value}` } };
  const response = await fetch(url, {
    headers,
    redirect: 'error',
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined);
  const start = await startOf(response);
  if (response && (response.status < 400 || isWithoutRateLimits(response.status, start))) return;
  const answer = response ? `answered ${response.status}` : 'did not answer';
  throw refused(`${new URL(url).origin} ${answer} to the new ${name}, so it was not stored.`);
}

/** GitHub Enterprise Server without rate limits answers so to a token that it knows, and 401 to others. */
function isWithoutRateLimits(status: number, body: string): boolean {
  return status === 404 && body.includes('Rate limiting is not enabled');
}

/** The first piece of a body, or an empty text. */
async function startOf(response: Response | undefined): Promise<string> {
  const reader = response?.body?.getReader();
  if (!reader) return '';
  try {
    const { value } = await reader.read();
    return Buffer.from(value ?? []).toString();
  } catch {
    return '';
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function requireKey(value: string): void {
  try {
    createPrivateKey(value.replaceAll('\\n', '\n'));
  } catch {
    throw refused('The new GITHUB_APP_PRIVATE_KEY is not a private key in PEM, so it was not stored.');
  }
}

/** Never says the value. */
function refused(what: string): InvalidInputError {
  return new InvalidInputError(`${what} Check the value, and send it again.`, {
    field: 'value',
    expected: 'a value that the service of the credential accepts',
  });
}
