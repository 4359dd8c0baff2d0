import type { Counts, Status } from '../../core/job.ts';
import { logger } from '../logger.ts';

/** One line for each job that ended: lib/monitoring.ts makes metrics of it, and the alarm of failed jobs. */
export function logJobEnd(end: { status: Status; counts?: Counts }): void {
  logger.info(JOB_ENDED, { jobStatus: end.status, failedRepositories: end.counts?.failed ?? 0 });
}

/** The line's message, by which a metric filter finds it. */
export const JOB_ENDED = 'job ended';
