import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { isEnded, JobId } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { Executions } from '../run/executions.ts';
import { mendedJob } from '../run/mended-job.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/**
 * Deletes an ended job: 204. Readers no longer find it at once; the step RemoveJob removes its rows and artifacts, which
 * takes minutes for 10,000 repositories. Pull requests stay open on GitHub.
 */
export const deleteJob = route(
  'DELETE',
  '/jobs/{jobId}',
  {
    role: 'admin',
    summary: 'Deletes an ended job with its results; pull requests stay.',
    params,
    responses: { 204: 'none' },
    problems: [409],
  },
  async ({ params: { jobId } }, context) => {
    const run = await markDeleted(jobId, context);
    // Starting the same deletion twice is safe. If the start fails, Reconcile starts it later.
    await new Executions(context.settings).startReserved({ jobId, run, action: 'delete' });
    return { status: 204 };
  },
);

/** Turns the job's row into a tombstone, and returns the run that removes the rest of the job. */
async function markDeleted(jobId: string, context: Context): Promise<number> {
  const { jobs, now } = context;
  for (;;) {
    const deletion = await jobs.deletion(jobId);
    if (deletion && !deletion.isDone) return deletion.run;
    const { status, run } = await mendedJob(jobId, context);
    if (!isEnded(status)) {
      throw new ConflictError(
        `Only a job that has ended can be deleted; the job ${jobId} is ${status}. Cancel it first.`,
      );
    }
    // If the update is refused, the job has run again or was deleted since it was read.
    if (await jobs.markDeleted(jobId, run, now())) return run + 1;
  }
}
