import { z } from 'zod';
import { JobId, JobRow, RepositoryName } from './job.ts';

/** The input of an execution of the state machine. Its name is `{jobId}-{run}`. */
export const ExecutionInput = JobRow.pick({ jobId: true, run: true }).extend({
  /** `delete` removes what a deleted job leaves; its row is no longer a job. */
  action: z.enum([...JobRow.shape.action.options, 'delete']),
});
export type ExecutionInput = z.infer<typeof ExecutionInput>;

/** One run of a job. */
export type RunId = Pick<ExecutionInput, 'jobId' | 'run'>;

export function executionName({ jobId, run }: RunId): string {
  return `${jobId}-${run}`;
}

/** Reads an execution's name back; undefined for one that is not of this product. */
export function parseExecutionName(name: string): RunId | undefined {
  const match = /^(job-[0-9A-Z]{26})-(\d+)$/.exec(name);
  return match ? { jobId: match[1]!, run: Number(match[2]) } : undefined;
}

/** What the names of a run's Batch jobs start with, so that cancel finds them, and those of no other run. */
export function batchJobPrefix(run: RunId): string {
  return `${executionName(run)}-`;
}

/** The run that a Batch job belongs to, by its name; undefined for a job that is not of this product. */
export function parseBatchJobName(name: string): RunId | undefined {
  const prefix = /^(job-[0-9A-Z]{26}-\d+)-./.exec(name)?.[1];
  return prefix === undefined ? undefined : parseExecutionName(prefix);
}

/** One line of the manifest that AnalyzeRepositories reads. */
export const AnalyzeItem = z.object({
  repositoryName: RepositoryName,
  /** Starts with `batchJobPrefix`; fits [A-Za-z0-9_-]{1,128}. */
  batchJobName: z.string(),
  /** The most seconds of one attempt of the Batch job. */
  attemptSeconds: z.int(),
});
export type AnalyzeItem = z.infer<typeof AnalyzeItem>;

/** The state of a child execution of AnalyzeRepositories. */
export const RepositoryInput = AnalyzeItem.extend({ jobId: JobId, run: z.int().min(1) });
export type RepositoryInput = z.infer<typeof RepositoryInput>;

/** One line of the manifest that OpenPullRequests reads. */
export const PublishItem = z.object({ repositoryName: RepositoryName });
export type PublishItem = z.infer<typeof PublishItem>;

/** The state of a child execution of OpenPullRequests. */
export const PullRequestInput = PublishItem.extend({ jobId: JobId, run: z.int().min(1) });
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

/** What Step Functions puts where a Catch says: the error's name and, often as a JSON string, its cause. */
export const CaughtError = z.object({ Error: z.string(), Cause: z.string().optional() });
export type CaughtError = z.infer<typeof CaughtError>;

/** Where a Map finds its items and leaves its results, in the artifact store. */
export type MapManifest = { key: string; prefix: string; concurrency: number; count: number };

/** The output of ResolveRepositories. */
export type AnalyzeManifest = MapManifest & {
  /** There are pull requests to open, and more repositories than are analysed at once: the first end long before the last. */
  inWaves: boolean;
};
