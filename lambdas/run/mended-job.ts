import { NotFoundError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import { describeAsWritten, type Readable } from '../../core/store/stored.ts';
import { logger } from '../logger.ts';
import type { Storage } from '../context.ts';

/**
 * The job, after what the conditions of later writes compare was written as they compare it: a row may have been edited by
 * hand. Throws NotFoundError for an unknown job.
 */
export async function mendedJob(jobId: string, { jobs }: Storage): Promise<Readable<JobRow>> {
  const job = await jobs.get(jobId);
  if (!job.asWritten) return job;
  logger.warn(`The row of the job ${jobId} holds what this version does not write`, {
    asWritten: describeAsWritten(job.asWritten),
  });
  return jobs.mend(job);
}

/** The same; undefined for a job that is unknown or was deleted meanwhile. */
export async function findMendedJob(jobId: string, storage: Storage): Promise<Readable<JobRow> | undefined> {
  try {
    return await mendedJob(jobId, storage);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
