import type { Counts, JobStatus } from '../../core/job.ts';
import { logger } from '../logger.ts';

/** Logs the end of a job's run; lib/monitoring.ts makes the metrics and the alarm of failed jobs from these lines. */
export function logJobEnd(end: { status: JobStatus; counts?: Counts }): void {
  logger.info(JOB_ENDED, { jobStatus: end.status, failedRepositories: end.counts?.failed ?? 0 });
}

/** The metric filters match this message. */
export const JOB_ENDED = 'job ended';
