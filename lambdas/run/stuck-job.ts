import { isRunning } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { logger } from '../logger.ts';
import { measure } from '../metrics.ts';

/** Longer than any turn, command or step: each writes to its repository's row. */
const STUCK_MS = 2 * 3600 * 1000;

/** The most rows that are read of a job to find one that has changed. */
const MAX_ROWS = 100;

type StuckContext = Pick<Context, 'jobs' | 'repositories' | 'repositoryIndex' | 'now'>;

/** Counts a running job in which nothing has changed for two hours, and in which nothing waits for a known time. */
export async function reportStuckJob(jobId: string, context: StuckContext): Promise<void> {
  const { jobs, now } = context;
  const since = new Date(Date.parse(now()) - STUCK_MS).toISOString();
  const job = await jobs.find(jobId);
  if (!job || !isRunning(job.status) || job.updatedAt > since) return;
  if (await hasChanged(jobId, since, context)) return;
  logger.warn('job is stuck', { jobId, run: job.run, jobUpdatedAt: job.updatedAt });
  measure({ values: { StuckJobs: 1 }, about: { jobId } });
}

async function hasChanged(
  jobId: string,
  since: string,
  { repositories, repositoryIndex }: StuckContext,
): Promise<boolean> {
  const rows = await repositoryIndex.listRows(jobId);
  // A wait that ended hours ago, with nothing after it, does not count.
  if (rows.some(({ waiting, completedAt = '' }) => completedAt > since || (waiting?.until ?? '') > since))
    return true;
  const working = rows.filter(({ status }) => status === 'processing').slice(0, MAX_ROWS);
  const names = working.map(({ repositoryName }) => repositoryName);
  const read = await repositories.getMany(jobId, names, ['jobId', 'repositoryName', 'updatedAt']);
  return read.some(({ updatedAt }) => updatedAt > since);
}
