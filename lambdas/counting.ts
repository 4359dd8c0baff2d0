import { isEnded, type JobRow } from '../core/job.ts';
import type { Storage } from './storage.ts';

/**
 * The job with counts that are at most COUNTS_MAX_AGE_SECONDS old while it runs. One reader counts, by the index; the
 * others take what is there. An ended job's counts were counted from the table and stay.
 */
export async function withFreshCounts(
  job: JobRow,
  { jobs, repositories, settings, now }: Storage,
): Promise<JobRow> {
  if (isEnded(job.status)) return job;
  const at = now();
  const olderThan = new Date(Date.parse(at) - settings.COUNTS_MAX_AGE_SECONDS * 1000).toISOString();
  if (!(await jobs.claimCounting(job.jobId, olderThan, at))) return job;
  const counts = await repositories.countByIndex(job.jobId);
  // Before every row is made there are fewer than the job names.
  if (counts.total < job.counts.total) return job;
  await jobs.recordCounts(job.jobId, job.run, counts, at);
  return { ...job, counts };
}
