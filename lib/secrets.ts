import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Names } from './names.ts';
import { aboutSecret } from './secret-names.ts';

export interface SecretsProps {
  readonly names: Names;
  readonly secrets: readonly string[];
}

/**
 * Secrets without a value: a template must not contain it, and a generated value would look like a valid one. `npm run
 * deploy` prints how to set the values.
 */
export class Secrets extends Construct {
  /** ARNs by the name of the setting. */
  readonly arns: Partial<Record<string, string>> = {};

  constructor(scope: Construct, id: string, { names, secrets }: SecretsProps) {
    super(scope, id);
    for (const name of secrets) {
      const { part, purpose } = aboutSecret(name);
      // The L2 construct always generates a value.
      const secret = new CfnSecret(this, name, { name: names.of(part), description: purpose });
      acknowledge(secret, {
        'AwsSolutions-SMG4':
          'GitHub, Anthropic or the provider of a command secret issues and rotates the value; Secrets Manager cannot rotate it.',
      });
      this.arns[name] = secret.ref;
    }
  }
}
