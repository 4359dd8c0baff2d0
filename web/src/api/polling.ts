import type { JobPage } from './types.ts';

const FIRST_MINUTE_MS = 60_000;

/** How often a job is read: often while it is young, seldom when only its pull requests change, else not at all. */
export function jobInterval(job: JobPage | undefined): number | false {
  if (!job) return false;
  if (isRunning(job)) return Date.now() - Date.parse(job.createdAt) < FIRST_MINUTE_MS ? 2000 : 5000;
  if (isSettling(job)) return 2000;
  return job.status === 'waiting' || job.pullRequests?.open ? 60_000 : false;
}

/** Rows of a running job change with its counts; those of an ended one with its pull requests. */
export function rowsInterval(job: JobPage | undefined): number | false {
  if (!job) return false;
  if (isRunning(job)) return job.counts.total > 2000 ? 5000 : 2500;
  if (isSettling(job)) return 2500;
  return job.pullRequests?.open ? 60_000 : false;
}

/** Whether repositories of an ended job still run: those of a cancelled one end a moment after it. */
function isSettling({ counts }: JobPage): boolean {
  return counts.pending + counts.processing > 0;
}

export function isRunning({ status }: Pick<JobPage, 'status'>): boolean {
  return status === 'pending' || status === 'processing' || status === 'unknown';
}
