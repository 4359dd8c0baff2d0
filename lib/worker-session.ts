import { Duration } from 'aws-cdk-lib';
import { ArnPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Access } from './access.ts';
import type { FunctionBundle } from './bundles.ts';
import { type Grant, grant } from './grant.ts';
import { type FunctionSetting, LambdaFunction } from './lambda-function.ts';
import type { Names } from './names.ts';

export interface WorkerSessionProps extends FunctionSetting {
  readonly bundle: FunctionBundle;
  /** The grants of the role of worker sessions; a session's policy limits them further. */
  readonly grants: readonly Grant[];
}

/** It checks the worker's token, and names secrets that it may not read itself. */
const ACCESS: Access = {
  jobs: ['GetItem'],
  repositories: ['GetItem'],
  named: ['CLAUDE_API_KEY', 'GITHUB_TOKEN'],
};

/** The function's name, which the worker's role and settings use: a reference would make a dependency cycle. */
export function workerCredentialsFunction(names: Names): string {
  return names.of('worker-credentials');
}

/**
 * The function that gives a worker credentials for its repository, and the role of these credentials. Batch gives every
 * worker the same role, which may only invoke this function.
 */
export class WorkerSession extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: WorkerSessionProps) {
    super(scope, id);
    this.function = new LambdaFunction(this, 'Function', {
      ...props,
      access: ACCESS,
      timeout: Duration.seconds(30),
      // More memory shortens cold starts; each worker is billed for about 0.2 s.
      memoryMiB: 512,
    });
    const functionRole = this.function.role as Role;
    const role = new Role(this, 'Role', {
      assumedBy: new ArnPrincipal(functionRole.roleArn),
      description: 'Workers of Cody Batch, each with a session policy for its own repository.',
      // AWS's limit for a role that is assumed by a role.
      maxSessionDuration: Duration.hours(1),
    });
    grant(role, props.grants);
    grant(functionRole, [{ actions: ['sts:AssumeRole'], resources: [role.roleArn] }]);
    this.function.addEnvironment('WORKER_SESSION_ROLE_ARN', role.roleArn);
  }
}
