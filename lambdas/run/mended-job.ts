import { NotFoundError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { reportDamagedRow } from './damaged-row.ts';

/**
 * The job, after normalising values that were edited by hand (such as a status `FAILED`), which the conditions of later
 * writes would not match. Throws NotFoundError for an unknown job.
 */
export async function mendedJob(jobId: string, { jobs }: Context): Promise<Readable<JobRow>> {
  const job = await jobs.get(jobId);
  if (!job.asWritten) return job;
  reportDamagedRow({ jobId }, job.asWritten);
  return jobs.mend(job);
}

/** Like `mendedJob`, but returns undefined for a job that is unknown or deleted. */
export async function findMendedJob(jobId: string, context: Context): Promise<Readable<JobRow> | undefined> {
  try {
    return await mendedJob(jobId, context);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
