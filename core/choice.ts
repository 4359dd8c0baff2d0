import { z } from 'zod';
import { JobSettings } from './job.ts';

/** A repository that entries of `repositories` came to, and why it is in. */
export const ChosenRepository = z.object({
  repositoryName: z.string(),
  /** The first entry that it is in by. */
  because: z.string(),
  /** From GitHub's list. Absent if the entry names the repository, which is then not looked up. */
  language: z.string().nullable().optional(),
  sizeKiB: z.number().optional(),
});
export type ChosenRepository = z.infer<typeof ChosenRepository>;

/** A repository that an entry came to and the job does not take. */
export const LeftOutRepository = z.object({ repositoryName: z.string(), because: z.string() });
export type LeftOutRepository = z.infer<typeof LeftOutRepository>;

/** The repositories that a job takes for its entries of `repositories`, and those that it leaves out, with the reasons. */
export const Choice = z.object({
  repositories: z.array(ChosenRepository),
  leftOut: z.array(LeftOutRepository),
  /** The entries of which not every repository could be found, each with the reason. */
  incomplete: z.array(z.object({ entry: z.string(), because: z.string() })),
});
export type Choice = z.infer<typeof Choice>;

/** The answer of `POST /repositories/resolve`: a choice, of which long lists are cut. */
export const ResolvedChoice = Choice.extend({
  /** How many there are; the lists have the first 10,000. */
  count: z.int(),
  leftOutCount: z.int(),
});
export type ResolvedChoice = z.infer<typeof ResolvedChoice>;

/** A page of the answer of `GET /jobs/{jobId}/choice`. */
export const ChoicePage = ResolvedChoice.extend({
  /** Absent on the last page. */
  cursor: z.string().optional(),
});
export type ChoicePage = z.infer<typeof ChoicePage>;

const Range = z.object({ median: z.number(), p90: z.number() });

/** What a job may cost, by what earlier jobs of the same type and model have cost. */
export const Estimate = z.object({
  /** The cost of a repository in those jobs, in USD. */
  perRepositoryUsd: Range,
  /** The same, times the repositories of this job. */
  totalUsd: Range,
  standsOn: z.object({ jobs: z.int(), repositories: z.int() }),
});
export type Estimate = z.infer<typeof Estimate>;

/** The answer of `POST /jobs?dryRun=true`: what the job would do and may cost. */
export const DryRun = z.object({
  dryRun: z.literal(true),
  /** `count`: how many repositories the job would take. */
  ...ResolvedChoice.shape,
  /** Why the job would not start; empty if it would. */
  refusals: z.array(z.string()),
  /** Null if it is not known; then `estimateUnknownBecause` has the reason. */
  estimate: Estimate.nullable(),
  estimateUnknownBecause: z.string().optional(),
  /** What it can cost at most: the job's cap, or those of its repositories. Null if the model has no known price. */
  mostUsd: z.number().nullable(),
  maxCostUsd: z.number(),
  settings: JobSettings.extend({ model: z.string() }),
});
export type DryRun = z.infer<typeof DryRun>;
