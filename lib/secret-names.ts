import { commandSecretPart } from '../core/command-secrets.ts';
import type { SecretName } from '../core/secrets.ts';
import { parseSettings } from '../core/settings.ts';

/** A setting whose value is in Secrets Manager. */
export type Secret = SecretName;

/** The name of a secret after the environment's prefix, and its purpose. */
export function aboutSecret(name: string): { part: string; purpose: string } {
  if (Object.hasOwn(SECRETS, name)) return SECRETS[name as Secret];
  return {
    part: commandSecretPart(name),
    purpose: `${name} of COMMAND_SECRETS, for the setup commands of jobs that request it. Read by the worker.`,
  };
}

const SECRETS: Readonly<Record<Secret, { part: string; purpose: string }>> = {
  CLAUDE_API_KEY: { part: 'claude-api-key', purpose: 'The API key of Claude. Read by the worker.' },
  GITHUB_TOKEN: {
    part: 'github-read-token',
    purpose:
      'Reads repositories: contents and metadata. Read by the worker, ResolveRepositories and the API.',
  },
  GITHUB_WRITE_TOKEN: {
    part: 'github-write-token',
    purpose: 'Writes contents and pull requests. Read by OpenPullRequest.',
  },
  GITHUB_APP_PRIVATE_KEY: {
    part: 'github-app-private-key',
    purpose: 'The private key (PEM) of the GitHub App. Read by OpenPullRequest.',
  },
  NOTICE_SIGNING_KEY: {
    part: 'notice-signing-key',
    purpose:
      'Signs the notices that webhooks get; their receivers check it. Read by JobChanged and SendNotices.',
  },
};

/** The secrets of an environment: Bedrock needs no key, and a GitHub App replaces the write token. */
export function secretsOf(settings: Readonly<Record<string, string>>): string[] {
  const bedrock = settings.CLAUDE_PROVIDER === 'bedrock';
  return [
    ...(bedrock ? [] : (['CLAUDE_API_KEY'] as const)),
    'GITHUB_TOKEN',
    settings.GITHUB_APP_ID ? 'GITHUB_APP_PRIVATE_KEY' : 'GITHUB_WRITE_TOKEN',
    ...(hasWebhooks(settings) ? (['NOTICE_SIGNING_KEY'] as const) : []),
    ...parseSettings(settings).COMMAND_SECRETS,
  ];
}

/** Without a webhook there is nothing to sign, and a secret costs $0.40 a month. */
function hasWebhooks(settings: Readonly<Record<string, string>>): boolean {
  const { NOTICE_URL, JOB_NOTICES } = parseSettings(settings);
  return NOTICE_URL !== undefined || JOB_NOTICES;
}
