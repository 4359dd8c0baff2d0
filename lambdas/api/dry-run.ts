import { z } from 'zod';
import { type JobRequest, type JobRow, JobSettings } from '../../core/job.ts';
import { isModelPriced } from '../../core/settings.ts';
import { Choice, choose, REQUEST_TIME_MS } from '../choose/choose.ts';
import type { Context } from '../context.ts';
import { Estimate, estimateOf } from './estimate.ts';

export const DryRun = z.object({
  dryRun: z.literal(true),
  /** How many repositories the job would take. */
  count: z.int(),
  ...Choice.shape,
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
type DryRun = z.infer<typeof DryRun>;

/** Describes the repositories and the cost of a job, without starting or storing anything. */
export async function dryRun(job: JobRow, { repositories }: JobRequest, context: Context): Promise<DryRun> {
  const choice = await choose(repositories, context, REQUEST_TIME_MS);
  const count = choice.repositories.length;
  const { maxCostUsd, settings } = job;
  const isPriced = isModelPriced(settings.model, context.settings);
  const estimate = isPriced ? await estimateOf(job, count, context) : undefined;
  const unknown = isPriced
    ? `No earlier job of the type ${job.type} has used ${settings.model}.`
    : `The price of ${settings.model} is not known.`;
  return {
    dryRun: true,
    count,
    ...choice,
    refusals: refusalsOf(choice, job),
    estimate: estimate ?? null,
    ...(!estimate && { estimateUnknownBecause: unknown }),
    mostUsd: isPriced ? Math.min(maxCostUsd, count * settings.maxCostUsd) : null,
    maxCostUsd,
    settings,
  };
}

function refusalsOf({ repositories, incomplete }: Choice, { maxRepositories }: JobRow): string[] {
  const count = repositories.length;
  const refusals = incomplete.map(
    ({ entry, because }) => `Not every repository of ${JSON.stringify(entry)} was found: ${because}.`,
  );
  if (count === 0) refusals.push('The entries come to no repository.');
  if (count > maxRepositories)
    refusals.push(`The entries come to ${count} repositories, and maxRepositories is ${maxRepositories}.`);
  return refusals;
}
