import { isDeepStrictEqual } from 'node:util';
import { isRunning, type JobRow } from '../../core/job.ts';
import type { Context } from '../context.ts';

/**
 * The job with counts that are at most COUNTS_MAX_AGE_SECONDS old while it runs. One reader counts, by the index; other
 * readers get the stored counts. The counts of an ended job are final.
 */
export async function withFreshCounts<J extends JobRow>(
  job: J,
  { jobs, repositoryIndex, settings, now }: Context,
): Promise<J> {
  // Before `owner/*` is resolved there is nothing to count.
  if (!isRunning(job.status) || job.counts.total === 0) return job;
  const at = now();
  const olderThan = new Date(Date.parse(at) - settings.COUNTS_MAX_AGE_SECONDS * 1000).toISOString();
  if (!(await jobs.claimCounting(job.jobId, olderThan, at))) return job;
  const counted = await repositoryIndex.countByIndex(job.jobId);
  // The index is queried once for each status: a repository whose status changes in between is counted twice or not at
  // all. The total is known, so the rest counts as pending; repositories without a row are pending too.
  const { total } = job.counts;
  const { processing, completed, failed, cancelled } = counted;
  const pending = Math.max(0, total - processing - completed - failed - cancelled);
  const counts = { ...counted, total, pending };
  // updatedAt moves only when something did.
  if (isDeepStrictEqual(counts, job.counts)) return job;
  await jobs.recordCounts(job.jobId, job.run, counts, at);
  return { ...job, counts, updatedAt: at };
}
