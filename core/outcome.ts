import { z } from 'zod';
import { ErrorDescription } from './job.ts';
import { RecordedJudgement } from './judgement.ts';
import {
  ArtifactKeys,
  Began,
  Change,
  EndReason,
  LogLine,
  NotDone,
  Outcome,
  Verification,
} from './repository-result.ts';
import { WorkerCost, WorkerCount, WorkerTokens } from './usage.ts';

/**
 * `outcome.json`: a worker's result. A worker that exits with 0 has written it; RecordResult copies it to the row.
 * `throttled` does not end the repository: the work resumes from the checkpoint at `resumeAt`. Then `error` is present if
 * the model's service failed, and absent if it limited the rate.
 */
export const OutcomeDocument = z.object({
  jobId: z.string(),
  repositoryName: z.string(),
  run: z.int(),
  outcome: z.enum([...Outcome.options, 'throttled']),
  end: EndReason.optional(),
  /** Only in a revision. */
  began: Began.optional(),
  /** When to resume, ISO 8601; only with `throttled`. */
  resumeAt: z.string().optional(),
  wereChangesNecessary: z.boolean().optional(),
  summary: z.string().optional(),
  notDone: NotDone.optional(),
  /** Title and body that the model proposes for a pull request. */
  title: z.string().optional(),
  body: z.string().optional(),
  model: z.string(),
  baseBranch: z.string().optional(),
  baseSha: z.string().optional(),
  changes: z.array(Change),
  artifacts: ArtifactKeys,
  tokenUsage: WorkerTokens,
  costUsd: WorkerCost.optional(),
  turns: WorkerCount,
  verification: z.array(Verification),
  /** Absent if the job has no judge, or nothing was judged. */
  judgement: RecordedJudgement.optional(),
  batchJobId: z.string().optional(),
  /** The attempt of the Batch job that wrote this, from 1. */
  attempt: WorkerCount,
  startedAt: z.string(),
  completedAt: z.string(),
  /** The last 50 lines of the log. */
  logs: z.array(LogLine),
  error: ErrorDescription.optional(),
});
export type OutcomeDocument = z.infer<typeof OutcomeDocument>;

/** `checkpoint/usage.json`: a worker's usage so far, so that a lost worker's usage is billed and its work resumed. */
export const Checkpoint = z.object({
  run: z.int(),
  turns: WorkerCount,
  tokenUsage: WorkerTokens,
  costUsd: WorkerCost.optional(),
  model: z.string(),
  baseSha: z.string().optional(),
  savedAt: z.string(),
});
export type Checkpoint = z.infer<typeof Checkpoint>;
