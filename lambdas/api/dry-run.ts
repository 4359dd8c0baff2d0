import { z } from 'zod';
import { isEnded, type JobRequest, type JobRow, JobSettings } from '../../core/job.ts';
import { isModelPriced } from '../../core/settings.ts';
import { Choice, choose, REQUEST_TIME_MS } from '../choose/choose.ts';
import type { Context } from '../context.ts';

/** Earlier jobs that an estimate looks at. */
const MAX_EARLIER = 50;
const JOBS_AT_ONCE = 50;
const PAGES = 10;

const Range = z.object({ median: z.number(), p90: z.number() });

const Estimate = z.object({
  /** The cost of one repository in earlier jobs of the same type and model, in USD. */
  perRepositoryUsd: Range,
  /** The same, times the repositories of this job. */
  totalUsd: Range,
  standsOn: z.object({ jobs: z.int(), repositories: z.int() }),
});

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

/** What a job would do and may cost, without starting or storing anything. */
export async function dryRun(job: JobRow, { repositories }: JobRequest, context: Context): Promise<DryRun> {
  const choice = await choose(repositories, context, REQUEST_TIME_MS);
  const count = choice.repositories.length;
  const { maxCostUsd, settings } = job;
  const isPriced = isModelPriced(settings.model, context.settings);
  const earlier = isPriced ? await earlierCosts(job, context) : [];
  const unknown = isPriced
    ? `No earlier job of the type ${job.type} has used ${settings.model}.`
    : `The price of ${settings.model} is not known.`;
  return {
    dryRun: true,
    count,
    ...choice,
    refusals: refusalsOf(choice, job),
    estimate: earlier.length > 0 ? estimateOf(earlier, count) : null,
    ...(earlier.length === 0 && { estimateUnknownBecause: unknown }),
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

type EarlierJob = { perRepositoryUsd: number; repositories: number };

/** The newest ended jobs of the same type and model. */
async function earlierCosts({ type, settings: { model } }: JobRow, { jobs }: Context): Promise<EarlierJob[]> {
  const found: EarlierJob[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES && found.length < MAX_EARLIER; page += 1) {
    const list: Awaited<ReturnType<typeof jobs.list>> = await jobs.list({
      type,
      limit: JOBS_AT_ONCE,
      cursor,
    });
    for (const { status, settings, costUsd, counts, tokenUsage } of list.jobs) {
      const repositories = counts.completed + counts.failed;
      if (!isEnded(status) || settings.model !== model || repositories === 0) continue;
      if (costUsd === undefined || tokenUsage.total === 0) continue;
      found.push({ perRepositoryUsd: costUsd / repositories, repositories });
    }
    cursor = list.cursor;
    if (cursor === undefined) break;
  }
  return found.slice(0, MAX_EARLIER);
}

function estimateOf(earlier: readonly EarlierJob[], count: number): z.infer<typeof Estimate> {
  const costs = earlier.map(({ perRepositoryUsd }) => perRepositoryUsd).sort((a, b) => a - b);
  const [median, p90] = [quantile(costs, 0.5), quantile(costs, 0.9)];
  return {
    perRepositoryUsd: { median: rounded(median), p90: rounded(p90) },
    totalUsd: { median: rounded(median * count), p90: rounded(p90 * count) },
    standsOn: {
      jobs: earlier.length,
      repositories: earlier.reduce((sum, { repositories }) => sum + repositories, 0),
    },
  };
}

/** The value below which this part of the sorted values lies, between two of them if need be. */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
}

function rounded(usd: number): number {
  return Number(usd.toFixed(6));
}
