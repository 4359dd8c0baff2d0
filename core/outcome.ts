import { z } from 'zod';
import { ErrorDescription } from './job.ts';
import {
  ArtifactKeys,
  Change,
  EndReason,
  LogLine,
  NotDone,
  Outcome,
  Verification,
} from './repository-result.ts';
import { WorkerCost, WorkerCount, WorkerTokens } from './usage.ts';

/**
 * `outcome.json`: what a worker says of its repository. Its being there is what exit status 0 means; the state machine
 * turns it into the row. `throttled` is no end of the repository: the work goes on from the checkpoint at `resumeAt`. With it,
 * `error` says that the model's service was failing, and not limiting the rate.
 */
export const OutcomeDocument = z.object({
  jobId: z.string(),
  repositoryName: z.string(),
  run: z.int(),
  outcome: z.enum([...Outcome.options, 'throttled']),
  end: EndReason.optional(),
  /** When to go on, ISO 8601; only with `throttled`. */
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

/** `checkpoint/usage.json`: what a worker has spent and said so far, so that a lost one is counted and can be resumed. */
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
