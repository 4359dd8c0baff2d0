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
  /** What the session of a worker may do at most. */
  readonly grants: readonly Grant[];
}

/** It reads whose worker asks, and names secrets that it cannot read. */
const ACCESS: Access = {
  jobs: ['GetItem'],
  repositories: ['GetItem'],
  named: ['CLAUDE_API_KEY', 'GITHUB_TOKEN'],
};

/** The function's name: the worker's role and its settings name it, since by reference they would make a cycle. */
export function workerCredentialsFunction(names: Names): string {
  return names.of('worker-credentials');
}

/**
 * The function that gives a worker credentials for its own repository, and the role that they are of. Batch gives every
 * worker the same role, so that role may do nothing but invoke this function.
 */
export class WorkerSession extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: WorkerSessionProps) {
    super(scope, id);
    this.function = new LambdaFunction(this, 'Function', {
      ...props,
      access: ACCESS,
      timeout: Duration.seconds(30),
      // Which cold starts are the shorter by; it is billed for about 0.2 s a worker.
      memoryMiB: 512,
    });
    const asking = this.function.role as Role;
    const role = new Role(this, 'Role', {
      assumedBy: new ArnPrincipal(asking.roleArn),
      description: 'Workers of Cody Batch, each with a session policy for its own repository.',
      // Also the most that a role gets that is assumed by a role.
      maxSessionDuration: Duration.hours(1),
    });
    grant(role, props.grants);
    grant(asking, [{ actions: ['sts:AssumeRole'], resources: [role.roleArn] }]);
    this.function.addEnvironment('WORKER_SESSION_ROLE_ARN', role.roleArn);
  }
}
