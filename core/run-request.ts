import { z } from 'zod';
import { JobRow, JobSettings, PullRequestOverrides, Sample } from './job.ts';
import { AskedOperation } from './pull-request-operation.ts';
import { RepositoryFilter } from './repository-filter.ts';
import { Began } from './repository-result.ts';

/** What a run was asked for: an artifact that the job's row names as `request`, and that no later request replaces. */
export const RunRequest = z.object({
  /** The request that asked for it. `publish` is the only one that does not analyse. */
  kind: z.enum(['create', 'retry', 'continue', 'revise', 'repair', 'publish']),
  action: JobRow.shape.action,
  /** The names of the repositories to take. Absent if the run takes all that its kind of request can take. */
  selection: z.array(z.string()).optional(),
  /** Picks among the repositories at the time at which the run takes them; for a request that came while it ran. */
  filter: RepositoryFilter.optional(),
  /** The repositories of a first run, behind which the others are held back. */
  sample: Sample.optional(),
  /** Whether a `continue` works on the sample again. */
  redo: z.literal(true).optional(),
  /** Whether only approved changes are published, even if the job requires no review. */
  approved: z.literal(true).optional(),
  /** Overrides of the job's `pullRequest`, for the pull requests that this run opens. */
  publishAs: PullRequestOverrides.optional(),
  /** What a `publish` does; it opens pull requests if absent. */
  ...AskedOperation.shape,
  /** Absent if the request before, which had it, could not be read. */
  prompt: z.string().optional(),
  /** What a `revise` or a `repair` adds to the prompt. */
  instruction: z.string().optional(),
  /** Whether a person asked for a `repair`, which the job's rounds then do not limit. */
  asked: z.literal(true).optional(),
  /** How a `revise` begins. Absent if each repository takes the cheapest way. */
  begin: Began.optional(),
  settings: JobSettings,
  /** The cap of the whole job, over all runs. */
  maxCostUsd: z.number(),
  requestedBy: z.string().optional(),
  requestedAt: z.string(),
});
export type RunRequest = z.infer<typeof RunRequest>;
