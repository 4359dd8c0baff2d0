import { z } from 'zod';
import { JobId, JobRow, RepositoryName } from './job.ts';
import { PullRequestOperation } from './pull-request-operation.ts';

/** The input of an execution of the state machine. Its name is `{jobId}-{run}`. */
export const ExecutionInput = JobRow.pick({ jobId: true, run: true }).extend({
  /** `delete` removes the data of a deleted job, whose row is a tombstone. */
  action: z.enum([...JobRow.shape.action.options, 'delete']),
});
export type ExecutionInput = z.infer<typeof ExecutionInput>;

/** One run of a job. */
export type RunId = Pick<ExecutionInput, 'jobId' | 'run'>;

export function executionName({ jobId, run }: RunId): string {
  return `${jobId}-${run}`;
}

export function executionArnOf(stateMachineArn: string, run: RunId): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${executionName(run)}`;
}

/** Parses an execution's name. Returns undefined if it is not one of this product. */
export function parseExecutionName(name: string): RunId | undefined {
  const match = /^(job-[0-9A-Z]{26})-(\d+)$/.exec(name);
  return match ? { jobId: match[1]!, run: Number(match[2]) } : undefined;
}

/** The prefix of the names of a run's Batch jobs, by which cancel finds exactly those of the run. */
export function batchJobPrefix(run: RunId): string {
  return `${executionName(run)}-`;
}

/** The run of a Batch job, by the job's name. Returns undefined if it is not a job of this product. */
export function parseBatchJobName(name: string): RunId | undefined {
  const prefix = /^(job-[0-9A-Z]{26}-\d+)-./.exec(name)?.[1];
  return prefix === undefined ? undefined : parseExecutionName(prefix);
}

/** The arguments of the worker, which Batch fills from the parameters of a job. */
export const WORKER_ARGUMENTS = ['Ref::jobId', 'Ref::repositoryName', 'Ref::run', 'Ref::from'] as const;

/** One line of the manifest that AnalyzeRepositories reads. */
export const AnalyzeItem = z.object({
  repositoryName: RepositoryName,
  /** Starts with `batchJobPrefix`; fits [A-Za-z0-9_-]{1,128}. */
  batchJobName: z.string(),
  /** The most seconds of one attempt of the Batch job. */
  attemptSeconds: z.int(),
  /** The run whose conversation and patch it continues; empty for none. A string, because Batch parameters are. */
  from: z.string().regex(/^\d*$/),
});
export type AnalyzeItem = z.infer<typeof AnalyzeItem>;

/** The state of a child execution of AnalyzeRepositories. */
export const RepositoryInput = AnalyzeItem.partial({ from: true }).extend({
  jobId: JobId,
  run: z.int().min(1),
});
export type RepositoryInput = z.infer<typeof RepositoryInput>;

/** One line of the manifest that OpenPullRequests reads. */
export const PublishItem = z.object({
  repositoryName: RepositoryName,
  /** What to do with the pull request. A change that was rejected, or taken back, is closed unasked. */
  operation: PullRequestOperation,
  /** The patch that was selected: another one is left out. Empty if it is not known. */
  patchSha: z.string(),
  /** The key of the run request whose options the pull request gets. Empty if it gets the job's. */
  request: z.string(),
});
export type PublishItem = z.infer<typeof PublishItem>;

/** The state of a child execution of OpenPullRequests. */
export const PullRequestInput = PublishItem.extend({
  jobId: JobId,
  run: z.int().min(1),
  // Executions of an earlier deployment do not pass these.
  operation: PublishItem.shape.operation.default('open'),
  patchSha: PublishItem.shape.patchSha.default(''),
  request: PublishItem.shape.request.default(''),
});
export type PullRequestInput = z.infer<typeof PullRequestInput>;

/** A time, ISO 8601, at which a pull request may be opened: the answer of ReserveSlot, and of OpenPullRequest. */
export const Slot = z.object({
  at: z.string(),
  /** False if ReserveSlot has to be asked again at `at`. */
  granted: z.boolean(),
  /** The job's own rate limit admits the pull request. */
  ofJob: z.boolean(),
  /** OpenPullRequest has opened it; false if GitHub limits the calls until `at`. */
  opened: z.boolean().optional(),
});
export type Slot = z.infer<typeof Slot>;

/** The error of an integration with DynamoDB whose condition does not hold. */
export const CONDITION_FAILED = 'DynamoDB.ConditionalCheckFailedException';

/** The value that a Catch stores: the error's name and its cause, often a JSON string. */
export const CaughtError = z.object({ Error: z.string(), Cause: z.string().optional() });
export type CaughtError = z.infer<typeof CaughtError>;

/** The artifacts of a Map: the key of its items, and the prefix of its results. */
export type MapManifest = { key: string; prefix: string; concurrency: number; count: number };

/** The output of ResolveRepositories. */
export type AnalyzeManifest = MapManifest & {
  /** Pull requests are opened, and more repositories exist than are analysed at once: the first end long before the last. */
  inWaves: boolean;
  /** `Root=…` of the X-Ray trace, for the workers' log lines; empty if the run is not traced. */
  trace: string;
  /** The job definition of AWS Batch with the image of the job. */
  jobDefinition: string;
};
