import { z } from 'zod';
import { describeError } from '../../core/errors.ts';
import { isEnded, type JobRow } from '../../core/job.ts';
import { functionHandler } from '../function-handler.ts';
import { openGitHub } from '../github/client.ts';
import { rateLimitedUntil } from '../github/rate-limit.ts';
import { NOT_SEEN, type Tracked, trackPullRequest } from '../github/track.ts';
import { logger } from '../logger.ts';
import type { Storage } from '../storage.ts';
import { pullRequestCounts, repositoryNames } from '../totals.ts';

/** A schedule's event; nothing of it matters. */
export const Input = z.looseObject({});

/** Pull requests a run: two calls each, one after the other, of which GitHub allows 900 points a minute and 5,000 an hour. */
const MOST = 300;
/** Before Lambda's own 15 minutes end; the next run goes on with those that were looked at longest ago. */
const MOST_MS = 10 * 60_000;

type Open = Tracked & { job: JobRow };

/**
 * Brings what jobs say of their open pull requests up to what GitHub says: open, merged, closed, and their checks. Safe
 * to run at any time, also twice at once.
 */
export async function trackPullRequests(_event: z.infer<typeof Input>, storage: Storage): Promise<void> {
  const until = Date.now() + MOST_MS;
  const open: Open[] = [];
  for await (const job of jobsWithOpen(storage)) open.push(...(await openOf(job, storage)));
  open.sort((a, b) => (a.pullRequest?.checkedAt ?? '').localeCompare(b.pullRequest?.checkedAt ?? ''));

  const seen = new Set<JobRow>();
  for (const row of open.slice(0, MOST)) {
    if (Date.now() > until || !(await track(row, storage))) break;
    seen.add(row.job);
  }
  for (const job of seen) await countAgain(job, storage);
}

/** Jobs that have ended: of one that runs, CompleteJob counts, and what it opens is new. */
async function* jobsWithOpen({ jobs }: Storage): AsyncGenerator<JobRow> {
  let cursor: string | undefined;
  do {
    const page = await jobs.list({ limit: 100, ...(cursor && { cursor }) });
    for (const job of page.jobs) if (isEnded(job.status) && job.pullRequests?.open) yield job;
    cursor = page.cursor;
  } while (cursor);
}

async function openOf(job: JobRow, storage: Storage): Promise<Open[]> {
  const rows = await rowsOf(job, storage);
  return rows
    .filter(({ pullRequest, pullRequestNumber }) => pullRequest?.state === 'open' && pullRequestNumber)
    .map((row) => ({ ...row, job }));
}

async function rowsOf({ jobId }: JobRow, storage: Storage) {
  const names = await repositoryNames(storage, jobId);
  return storage.repositories.getMany(jobId, names, ['repositoryName', 'pullRequestNumber', 'pullRequest']);
}

/** False where GitHub wants to be left alone: the rest waits for the next run. */
async function track(row: Open, { repositories, settings, now }: Storage): Promise<boolean> {
  const { repositoryName, pullRequest, job } = row;
  try {
    const github = await openGitHub(settings, repositoryName, 'read');
    const record = await trackPullRequest(github, row, now());
    await repositories.recordTracked(job.jobId, repositoryName, pullRequest?.checkedAt, record);
    return true;
  } catch (error) {
    if (rateLimitedUntil(error, 0) !== undefined) return false;
    // One repository that is closed to us keeps none of the others from being looked at.
    logger.warn('A pull request could not be looked at', { repositoryName, ...describeError(error) });
    const { status } = error as { status?: number };
    const gone = status === 404 || status === 410;
    await repositories.recordTracked(job.jobId, repositoryName, pullRequest?.checkedAt, {
      ...pullRequest!,
      checkedAt: now(),
      ...(gone && { error: GONE }),
    });
    return true;
  }
}

/** No end: a credential that sees less for an hour closes nothing. */
const GONE = {
  name: NOT_SEEN,
  message:
    'GitHub has no such pull request any more, or the credential may not see it: the repository was deleted, or its access was taken back.',
};

async function countAgain(job: JobRow, storage: Storage): Promise<void> {
  const counts = pullRequestCounts(await rowsOf(job, storage));
  if (counts) await storage.jobs.recordPullRequests(job.jobId, job.run, counts, storage.now());
}

export const handler = functionHandler(Input, trackPullRequests);
