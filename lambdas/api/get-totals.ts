import { z } from 'zod';
import { Counts, countsOf, type JobRow, JobStatus, PullRequestCounts } from '../../core/job.ts';
import type { JobTable } from '../../core/store/job-table.ts';
import { addTokens, NO_TOKENS, TokenUsage } from '../../core/usage.ts';
import { route } from './route.ts';

const DAY_MS = 86_400_000;
/** A dashboard that many people have open reads the jobs once a minute. */
const CACHE_MS = 60_000;
/** About 10 MB of rows: more would not be read within the time of a request. */
const MAX_JOBS = 5000;
const JOBS_AT_ONCE = 100;

const query = z.strictObject({ days: z.coerce.number().int().min(1).max(366).default(30) });

const Totals = z.object({
  days: z.int(),
  /** The earliest creation of a job that is counted. */
  from: z.string(),
  jobs: z.object({
    total: z.int(),
    byStatus: z.partialRecord(z.enum([...JobStatus.options, 'unknown']), z.int()),
  }),
  repositories: Counts,
  pullRequests: PullRequestCounts,
  tokenUsage: TokenUsage,
  /** The known costs. `unpricedJobs` have used a model without a known price. */
  costUsd: z.number(),
  unpricedJobs: z.int(),
  /** False if there are more jobs than are counted at once: the newest are counted. */
  isComplete: z.boolean(),
});
type Totals = z.infer<typeof Totals>;

const cache = new WeakMap<JobTable, Map<number, { at: number; totals: Promise<Totals> }>>();

/** Sums over the jobs of the last days, from their rows, which have the counts of a running job as of its last reader. */
export const getTotals = route(
  'GET',
  '/totals',
  {
    role: 'viewer',
    summary: 'What the jobs of the last days came to: repositories, pull requests, tokens and cost.',
    query,
    hasETag: true,
    responses: { 200: Totals },
  },
  async ({ query: { days } }, { jobs, now }) => {
    const kept = cache.get(jobs) ?? new Map();
    cache.set(jobs, kept);
    const known = kept.get(days);
    if (known && Date.parse(now()) - known.at < CACHE_MS) return { json: await known.totals };
    const totals = sum(jobs, days, now());
    kept.set(days, { at: Date.parse(now()), totals });
    totals.catch(() => kept.delete(days));
    return { json: await totals };
  },
);

async function sum(table: JobTable, days: number, at: string): Promise<Totals> {
  const from = new Date(Date.parse(at) - days * DAY_MS).toISOString();
  const byStatus: Partial<Record<JobRow['status'], number>> = {};
  const repositories = countsOf({});
  const pullRequests = { open: 0, merged: 0, closed: 0, failed: 0 };
  let [total, tokenUsage, costUsd, unpricedJobs] = [0, NO_TOKENS, 0, 0];
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<JobTable['list']>> = await table.list({
      ...{ from, limit: JOBS_AT_ONCE },
      ...(cursor && { cursor }),
    });
    for (const job of page.jobs) {
      total += 1;
      byStatus[job.status] = (byStatus[job.status] ?? 0) + 1;
      addCounts(repositories, job.counts);
      if (job.pullRequests) addCounts(pullRequests, job.pullRequests);
      tokenUsage = addTokens(tokenUsage, job.tokenUsage);
      costUsd += job.costUsd ?? 0;
      if (job.costUsd === undefined && job.tokenUsage.total > 0) unpricedJobs += 1;
    }
    cursor = page.cursor;
  } while (cursor && total < MAX_JOBS);
  return {
    ...{ days, from, jobs: { total, byStatus }, repositories, pullRequests },
    ...{ tokenUsage, costUsd: Number(costUsd.toFixed(6)), unpricedJobs, isComplete: cursor === undefined },
  };
}

function addCounts(
  sums: Record<string, number | undefined>,
  counts: Readonly<Record<string, number | undefined>>,
) {
  for (const [name, count = 0] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
}
