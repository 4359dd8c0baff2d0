import type { Octokit } from '@octokit/rest';
import { z } from 'zod';
import { describeError } from '../../core/errors.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { isEnded, type JobRow } from '../../core/job.ts';
import type { OpenPullRequest } from '../../core/store/repository-index.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { openReader, readerId } from '../github/client.ts';
import { askPullRequests } from '../github/graphql.ts';
import { trackedRecord } from '../github/track.ts';
import { logger } from '../logger.ts';

/** A schedule's event; nothing of it matters. */
export const Input = z.looseObject({});

/**
 * Pull requests a run, 100 a call: with a run every five minutes 10,000 are seen in half an hour, by 240 calls an hour
 * of the 5,000 points that GitHub allows, each of a few points.
 */
const MOST = 2000;
/** Before Lambda's own 15 minutes end; the next run goes on with those that were looked at longest ago. */
const TIME_BUDGET_MS = 10 * 60_000;

type Open = OpenPullRequest & { jobId: string };

/**
 * Brings what jobs say of their open pull requests up to what GitHub says: open, merged, closed, and their checks. Safe
 * to run at any time, also twice at once, and while a job runs again.
 */
export async function trackPullRequests(_event: z.infer<typeof Input>, context: Context): Promise<void> {
  const until = Date.now() + TIME_BUDGET_MS;
  const jobs = await jobsWithPullRequests(context);
  const open: Open[] = [];
  await inParallel(jobs, PARALLEL, async ({ jobId }) => {
    for (const one of await context.repositoryIndex.openPullRequests(jobId)) open.push({ ...one, jobId });
  });
  open.sort((a, b) => (a.pullRequest.checkedAt ?? '').localeCompare(b.pullRequest.checkedAt ?? ''));

  const byReader = Map.groupBy(open.slice(0, MOST), ({ repositoryName }) =>
    readerId(context.settings, repositoryName),
  );
  for (const group of byReader.values()) await track(group, until, context);
  await inParallel(jobs, PARALLEL, (job) => countAgain(job, context));
}

/** Those that have tried one, and those that run, whose first ones were opened while the others are worked on. */
async function jobsWithPullRequests({ jobs }: Context): Promise<JobRow[]> {
  const found: JobRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await jobs.list({ limit: 100, ...(cursor && { cursor }) });
    found.push(...page.jobs.filter(({ pullRequests, status }) => pullRequests || !isEnded(status)));
    cursor = page.cursor;
  } while (cursor);
  return found;
}

/** Looks at pull requests that one credential can see. Where GitHub does not answer the rest waits for the next run. */
async function track(open: readonly Open[], until: number, context: Context): Promise<void> {
  const { repositories, settings, now } = context;
  let looking: Octokit;
  try {
    looking = await openReader(settings, open[0]!.repositoryName);
    const asked = open.map((one) => ({
      one,
      repositoryName: one.pullRequest.renamedTo ?? one.repositoryName,
      number: one.pullRequestNumber,
    }));
    for await (const [{ one }, seen] of askPullRequests(looking, asked)) {
      const { jobId, repositoryName, pullRequest } = one;
      const record = trackedRecord(pullRequest, seen, now());
      await repositories.recordTracked(jobId, repositoryName, pullRequest.checkedAt, record);
      if (Date.now() > until) return;
    }
  } catch (error) {
    logger.warn('Pull requests could not be looked at', { count: open.length, ...describeError(error) });
  }
}

/**
 * By the index, which may be a moment behind: what it has not seen yet the next run counts. Of a job that runs
 * CompleteJob counts.
 */
async function countAgain(job: JobRow, { jobs, repositoryIndex, now }: Context): Promise<void> {
  if (!isEnded(job.status) || !job.pullRequests) return;
  const counts = await repositoryIndex.countPullRequests(job.jobId);
  const { open, merged, closed, failed } = job.pullRequests;
  const isSame =
    open === counts.open && merged === counts.merged && closed === counts.closed && failed === counts.failed;
  if (!isSame) await jobs.recordPullRequests(job.jobId, job.run, counts, now());
}

export const handler = functionHandler(Input, trackPullRequests);
