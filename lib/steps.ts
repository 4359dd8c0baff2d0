import { Construct } from 'constructs';
import { SettingsError } from '../core/errors.ts';
import type { Access } from './access.ts';
import type { FunctionBundle } from './bundles.ts';
import { type FunctionSetting, LambdaFunction } from './lambda-function.ts';

/** Megabytes for the steps that hold every row of a job: 10,000 rows of up to 30 KB are 300 MB. */
const MEMORY_MIB: Readonly<Record<string, number>> = {
  ResolveRepositories: 2048,
  ResolvePullRequests: 2048,
  CompleteJob: 2048,
  FailJob: 2048,
};

/** The access to repositories of functions that end unfinished rows, including diffs (lambdas/run/end-unfinished.ts). */
export const ENDED_ROWS = [
  'GetItem',
  'BatchGetItem',
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'Query',
] as const;

/** The access of each step; a step without an entry does not deploy. */
const ACCESS: Readonly<Record<string, Access>> = {
  ResolveRepositories: {
    jobs: ['GetItem', 'PutItem', 'UpdateItem'],
    repositories: [...ENDED_ROWS, 'BatchWriteItem', 'QueryTable'],
    artifacts: ['read', 'write', 'remove'],
    batchJobs: true,
    secrets: ['GITHUB_TOKEN'],
    images: 'definitions',
  },
  RecordResult: { repositories: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'], artifacts: ['read'] },
  RecordFailure: { repositories: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'], artifacts: ['read'] },
  ResolvePullRequests: {
    jobs: ['GetItem', 'UpdateItem'],
    repositories: [...ENDED_ROWS, 'QueryTable'],
    artifacts: ['read', 'write', 'remove'],
    batchJobs: true,
  },
  // It identifies the credential by its ARN, and may not read it.
  ReserveSlot: {
    jobs: ['GetItem', 'UpdateItem'],
    repositories: ['UpdateItem'],
    named: ['GITHUB_WRITE_TOKEN'],
  },
  OpenPullRequest: {
    jobs: ['GetItem', 'UpdateItem'],
    repositories: ['GetItem', 'UpdateItem'],
    artifacts: ['read'],
    secrets: ['GITHUB_WRITE_TOKEN', 'GITHUB_APP_PRIVATE_KEY'],
  },
  RecordPullRequestFailure: { repositories: ['GetItem', 'UpdateItem'] },
  CompleteJob: {
    jobs: ['GetItem', 'UpdateItem'],
    repositories: [...ENDED_ROWS, 'QueryTable'],
    artifacts: ['read', 'write', 'remove'],
  },
  FailJob: {
    jobs: ['GetItem', 'UpdateItem'],
    repositories: ENDED_ROWS,
    artifacts: ['read', 'write', 'remove'],
  },
  RemoveJob: {
    jobs: ['GetItem', 'PutItem', 'DeleteItem'],
    repositories: ['QueryTable', 'BatchWriteItem'],
    artifacts: ['remove'],
    batchJobs: true,
    executions: ['StopExecution'],
  },
};

export interface StepsProps extends FunctionSetting {
  readonly bundles: readonly FunctionBundle[];
}

/** The functions of `lambdas/steps`, one for each Task state that invokes one. */
export class Steps extends Construct {
  /** By the name of the state. */
  readonly functions: Readonly<Record<string, LambdaFunction>>;

  constructor(scope: Construct, id: string, props: StepsProps) {
    super(scope, id);
    this.functions = Object.fromEntries(
      props.bundles
        .filter(({ kind }) => kind === 'steps')
        .map((bundle) => {
          const step = pascalCase(bundle.name);
          const access = ACCESS[step];
          if (!access)
            throw new SettingsError(
              `lambdas/steps/${bundle.name}.ts has no entry in ACCESS of lib/steps.ts. Add one with the calls that it makes.`,
            );
          const memoryMiB = MEMORY_MIB[step];
          return [step, new LambdaFunction(this, step, { ...props, bundle, access, memoryMiB })];
        }),
    );
  }
}

/** `record-result` becomes `RecordResult`, the name of the state. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|-)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
}
