import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { SecretName } from '../core/settings.ts';
import { acknowledge } from './acknowledge.ts';
import type { Names } from './names.ts';

export interface SecretsProps {
  readonly names: Names;
  /** Bedrock needs no key. */
  readonly claudeKey: boolean;
}

/** What each is called in Secrets Manager, after the environment's prefix, and what it is for. */
export const SECRETS: Readonly<Record<SecretName, { part: string; purpose: string }>> = {
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
};

/**
 * Secrets without a value: a template is no place for one, and a generated one would look as if it were right. `npm run
 * deploy` says how to fill them.
 */
export class Secrets extends Construct {
  /** ARNs, by the setting that they are the value of. */
  readonly arns: Partial<Record<SecretName, string>> = {};

  constructor(scope: Construct, id: string, { names, claudeKey }: SecretsProps) {
    super(scope, id);
    for (const [name, { part, purpose }] of Object.entries(SECRETS) as [
      SecretName,
      (typeof SECRETS)[SecretName],
    ][]) {
      if (name === 'CLAUDE_API_KEY' && !claudeKey) continue;
      // The L2 construct always generates a value.
      const secret = new CfnSecret(this, name, { name: names.of(part), description: purpose });
      acknowledge(secret, {
        'AwsSolutions-SMG4':
          'The value is issued by GitHub or Anthropic, whose own consoles rotate it; Secrets Manager has no rotation for either.',
      });
      this.arns[name] = secret.ref;
    }
  }
}
