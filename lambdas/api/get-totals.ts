import { z } from 'zod';
import { Counts, countsOf, type JobRow, JobStatus, PullRequestCounts } from '../../core/job.ts';
import type { JobTable } from '../../core/store/job-table.ts';
import { addTokens, NO_TOKENS, TokenUsage } from '../../core/usage.ts';
import type { Context } from '../context.ts';
import { route } from './route.ts';
import { type Viewer, visibleJobs } from './visible-job.ts';

const DAY_MS = 86_400_000;
/** A dashboard that many people have open reads the jobs once a minute. */
const CACHE_MS = 60_000;
/** About 10 MB of rows: more would not be read within the time of a request. */
const MAX_JOBS = 5000;
const JOBS_AT_ONCE = 100;
/** For a caller who may not touch all repositories, the rows of each job are read. */
const MAX_JOBS_IN_PART = 200;
const MAX_KEPT = 500;

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
  /** Absent for a caller who may not touch all repositories. */
  tokenUsage: TokenUsage.optional(),
  /** The known costs. `unpricedJobs` have used a model without a known price. */
  costUsd: z.number(),
  unpricedJobs: z.int(),
  /** False if there are more jobs than are counted at once: the newest are counted. */
  isComplete: z.boolean(),
});
type Totals = z.infer<typeof Totals>;

const cache = new WeakMap<JobTable, Map<string, { at: number; totals: Promise<Totals> }>>();

/** Sums over the jobs of the last days, from their rows, which have the counts of a running job as of its last reader. */
export const getTotals = route(
  'GET',
  '/totals',
  {
    role: 'viewer',
    summary: 'What the jobs of the last days came to: repositories, pull requests, tokens and cost.',
    query,
    isFiltered: true,
    hasETag: true,
    responses: { 200: Totals },
  },
  async ({ query: { days }, access, createdBy }, context) => {
    const { jobs, now } = context;
    const key = JSON.stringify(access.isAll ? [days] : [days, access.groups, createdBy]);
    const kept = cache.get(jobs) ?? new Map();
    cache.set(jobs, kept);
    const known = kept.get(key);
    if (known && Date.parse(now()) - known.at < CACHE_MS) return { json: await known.totals };
    const viewer = access.isAll ? undefined : { access, createdBy };
    const totals = sum(days, viewer, context);
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
    kept.set(key, { at: Date.parse(now()), totals });
    totals.catch(() => kept.delete(key));
    return { json: await totals };
  },
);

/** Of all jobs, or of the part of each that the viewer may touch. */
async function sum(days: number, viewer: Viewer | undefined, context: Context): Promise<Totals> {
  const from = new Date(Date.parse(context.now()) - days * DAY_MS).toISOString();
  const byStatus: Partial<Record<JobRow['status'], number>> = {};
  const repositories = countsOf({});
  const pullRequests = { open: 0, merged: 0, closed: 0, failed: 0 };
  let [total, tokenUsage, costUsd, unpricedJobs] = [0, NO_TOKENS, 0, 0];
  const maxJobs = viewer ? MAX_JOBS_IN_PART : MAX_JOBS;
  let cursor: string | undefined;
  let looked = 0;
  do {
    const page: Awaited<ReturnType<JobTable['list']>> = await context.jobs.list({
      ...{ from, limit: JOBS_AT_ONCE },
      ...(cursor && { cursor }),
    });
    looked += page.jobs.length;
    for (const job of viewer ? await visibleJobs(page.jobs, viewer, context) : page.jobs) {
      total += 1;
      byStatus[job.status] = (byStatus[job.status] ?? 0) + 1;
      addCounts(repositories, job.counts);
      if (job.pullRequests) addCounts(pullRequests, job.pullRequests);
      costUsd += job.costUsd ?? 0;
      if (!('tokenUsage' in job)) continue;
      tokenUsage = addTokens(tokenUsage, job.tokenUsage);
      if (job.costUsd === undefined && job.tokenUsage.total > 0) unpricedJobs += 1;
    }
    cursor = page.cursor;
  } while (cursor && looked < maxJobs);
  return {
    ...{ days, from, jobs: { total, byStatus }, repositories, pullRequests },
    ...(!viewer && { tokenUsage }),
    ...{ costUsd: Number(costUsd.toFixed(6)), unpricedJobs, isComplete: cursor === undefined },
  };
}

function addCounts(
  sums: Record<string, number | undefined>,
  counts: Readonly<Record<string, number | undefined>>,
) {
  for (const [name, count = 0] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
}
