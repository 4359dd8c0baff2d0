import { z } from 'zod';
import { describeError } from '../../core/errors.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { isRunning, type JobRow } from '../../core/job.ts';
import type { PullRequestRecord } from '../../core/repository-result.ts';
import type { OpenPullRequest } from '../../core/store/repository-index.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { openReader, readerId } from '../github/client.ts';
import { askPullRequests } from '../github/graphql.ts';
import { trackedRecord } from '../github/track.ts';
import { logger } from '../logger.ts';
import { measure } from '../metrics.ts';
import { beginRepair } from '../run/begin-repair.ts';
import { recordPullRequestDay } from '../run/record-pull-request-day.ts';

/** A schedule's event, whose content is not used. */
export const Input = z.looseObject({});

/**
 * Pull requests per invocation, 100 a call. With an invocation every five minutes, 10,000 are checked in half an hour by 240
 * calls an hour; each costs a few of the 5,000 points an hour that GitHub allows.
 */
const MAX_PULL_REQUESTS = 2000;
/** Below Lambda's 15 minutes. The next invocation continues with those that were checked longest ago. */
const TIME_BUDGET_MS = 10 * 60_000;

type Open = OpenPullRequest & { jobId: string };

/**
 * Updates the recorded state (open, merged, closed) and checks of open pull requests from GitHub, and starts the repair of
 * those that fail if their job wants it. Safe to run at any time,
 * also concurrently, and while a job runs again.
 */
export async function trackPullRequests(_event: z.infer<typeof Input>, context: Context): Promise<void> {
  const until = Date.now() + TIME_BUDGET_MS;
  const jobs = await jobsWithPullRequests(context);
  const open: Open[] = [];
  await inParallel(jobs, PARALLEL, async ({ jobId }) => {
    for (const one of await context.repositoryIndex.openPullRequests(jobId)) open.push({ ...one, jobId });
  });
  open.sort((a, b) => (a.pullRequest.checkedAt ?? '').localeCompare(b.pullRequest.checkedAt ?? ''));

  const byReader = Map.groupBy(open.slice(0, MAX_PULL_REQUESTS), ({ repositoryName }) =>
    readerId(context.settings, repositoryName),
  );
  for (const group of byReader.values()) await track(group, until, context);
  const byJob = Map.groupBy(open, ({ jobId }) => jobId);
  await inParallel(jobs, PARALLEL, (job) => countAgain(job, byJob.get(job.jobId) ?? [], context));
  await repairJobs(jobs, open.slice(0, MAX_PULL_REQUESTS), until, context);
}

/** Jobs that have tried to open a pull request, and running jobs, which may have opened some already. */
async function jobsWithPullRequests({ jobs }: Context): Promise<JobRow[]> {
  const found: JobRow[] = [];
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<typeof jobs.list>> = await jobs.list({ limit: 100, cursor });
    found.push(...page.jobs.filter(({ pullRequests, status }) => pullRequests || isRunning(status)));
    cursor = page.cursor;
  } while (cursor);
  return found;
}

/** Updates pull requests that one credential can see. If GitHub fails, the rest is left to the next invocation. */
async function track(open: readonly Open[], until: number, context: Context): Promise<void> {
  const { repositories, settings, now } = context;
  try {
    const github = await openReader(settings, open[0]!.repositoryName);
    const asked = open.map((one) => ({
      one,
      repositoryName: one.pullRequest.renamedTo ?? one.repositoryName,
      number: one.pullRequestNumber,
    }));
    // Otherwise it would be the first of each look, as the one that was checked longest ago.
    const passOver = async (
      { one: { jobId, repositoryName, pullRequest } }: { one: Open },
      error: unknown,
    ) => {
      logger.warn('A pull request could not be read', { jobId, repositoryName, error: describeError(error) });
      const record = { ...pullRequest, checkedAt: now() };
      await repositories.recordTracked(jobId, repositoryName, pullRequest.checkedAt, record);
    };
    for await (const [{ one }, seen] of askPullRequests(github, asked, passOver)) {
      const { jobId, repositoryName, pullRequest } = one;
      const record = trackedRecord(pullRequest, seen, now());
      if (await repositories.recordTracked(jobId, repositoryName, pullRequest.checkedAt, record))
        measureTracked({ jobId, repositoryName }, pullRequest, record);
      one.pullRequest = record;
      if (Date.now() > until) return;
    }
  } catch (error) {
    logger.warn('Pull requests could not be read', { count: open.length, error: describeError(error) });
  }
}

/** Counts what became of a pull request since it was last read. */
function measureTracked(
  about: { jobId: string; repositoryName: string },
  before: PullRequestRecord,
  after: PullRequestRecord,
): void {
  const isNew = (holds: (record: PullRequestRecord) => boolean) => holds(after) && !holds(before);
  measure({
    values: {
      PullRequestsMerged: isNew(({ state }) => state === 'merged') ? 1 : undefined,
      PullRequestsRed: isNew(({ checks }) => checks === 'failing') ? 1 : undefined,
    },
    about,
  });
}

/**
 * Updates the job's counts of pull requests, and its record of today, from the index, which may lag behind; the next invocation counts the rest. The
 * counts of a running job are left to CompleteJob.
 */
async function countAgain(job: JobRow, tracked: readonly Open[], context: Context): Promise<void> {
  const { jobs, repositoryIndex, now } = context;
  if (isRunning(job.status) || !job.pullRequests) return;
  const counts = await repositoryIndex.countPullRequests(job.jobId);
  const { open, merged, closed, failed } = job.pullRequests;
  const isSame =
    open === counts.open && merged === counts.merged && closed === counts.closed && failed === counts.failed;
  if (!isSame) await jobs.recordPullRequests(job.jobId, job.run, counts, now());
  const records = tracked.map(({ pullRequest }) => pullRequest);
  await recordPullRequestDay(job, counts, records, context);
}

/** Starts a repair of jobs that want one. A job that fails is left to the next invocation, and does not hold up the others. */
async function repairJobs(
  jobs: readonly JobRow[],
  tracked: readonly Open[],
  until: number,
  context: Context,
): Promise<void> {
  const byJob = Map.groupBy(tracked, ({ jobId }) => jobId);
  for (const { jobId, pullRequest, status } of jobs) {
    const names = (byJob.get(jobId) ?? []).map(({ repositoryName }) => repositoryName);
    if (!pullRequest?.repair?.rounds || names.length === 0 || isRunning(status)) continue;
    if (Date.now() > until) return;
    try {
      await beginRepair(jobId, names, context);
    } catch (error) {
      logger.warn('The pull requests of a job could not be repaired', { jobId, error: describeError(error) });
    }
  }
}

export const handler = functionHandler(Input, trackPullRequests);
