import type { Counts, JobStatus } from '../../core/job.ts';
import { logger } from '../logger.ts';
import { measure } from '../metrics.ts';

/** Logs the end of a job's run, and counts what failed: lib/monitoring/alarms.ts has the alarms of these metrics. */
export function logJobEnd(jobId: string, end: { status: JobStatus; counts?: Counts }): void {
  const failedRepositories = end.counts?.failed ?? 0;
  logger.info('job ended', { jobId, jobStatus: end.status, failedRepositories });
  measure({
    values: {
      FailedJobs: end.status === 'failed' ? 1 : undefined,
      FailedRepositories: failedRepositories || undefined,
    },
    about: { jobId },
  });
}
