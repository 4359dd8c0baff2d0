import { z } from 'zod';
import { Counts, ErrorDescription, ReadJobStatus } from './job.ts';
import { RunRequest } from './run-request.ts';
import { TokenUsage } from './usage.ts';

/** One run of a job: what it was asked for, and how it ended. An artifact for readers; no step works by it. */
export const RunRecord = z.object({
  run: z.int().min(1),
  ...RunRequest.pick({ kind: true, action: true, requestedBy: true, requestedAt: true }).partial().shape,
  /** How many repositories the request named. Absent if it named none, and the run took all that it could. */
  selected: z.int().optional(),
  /** The key of the artifact that says what the run was asked for. */
  request: z.string().optional(),
  executionArn: z.string().optional(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  /** The job's status at the end of this run. */
  status: ReadJobStatus,
  error: ErrorDescription.optional(),
  /** The repositories that this run worked on. Absent before its end, and if it only opened pull requests. */
  counts: Counts.optional(),
  /** What this run alone used. Absent before its end. */
  tokenUsage: TokenUsage.optional(),
  /** Absent before the run's end, and if a model's price is not known. */
  costUsd: z.number().optional(),
});
export type RunRecord = z.infer<typeof RunRecord>;
