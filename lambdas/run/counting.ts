import { isEnded, type JobRow } from '../../core/job.ts';
import type { Context } from '../context.ts';

/**
 * The job with counts that are at most COUNTS_MAX_AGE_SECONDS old while it runs. One reader counts, by the index; the
 * others take what is there. An ended job's counts were counted from the table and stay.
 */
export async function withFreshCounts<J extends JobRow>(
  job: J,
  { jobs, repositories, settings, now }: Context,
): Promise<J> {
  // Before `owner/*` is resolved there is nothing to count.
  if (isEnded(job.status) || job.counts.total === 0) return job;
  const at = now();
  const olderThan = new Date(Date.parse(at) - settings.COUNTS_MAX_AGE_SECONDS * 1000).toISOString();
  if (!(await jobs.claimCounting(job.jobId, olderThan, at))) return job;
  const counted = await repositories.countByIndex(job.jobId);
  // A repository that changes its status between two of the queries is counted twice or not at all; how many there are
  // is known. What has no row yet is pending.
  const { total } = job.counts;
  const pending = Math.max(
    0,
    total - counted.processing - counted.completed - counted.failed - counted.cancelled,
  );
  const counts = { ...counted, total, pending };
  await jobs.recordCounts(job.jobId, job.run, counts, at);
  return { ...job, counts };
}
