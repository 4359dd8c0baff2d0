import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { isEnded, JobId } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { Executions } from '../run/executions.ts';
import { mendedJob } from '../run/mended-job.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/**
 * Deletes an ended job: 204. It is gone for every reader at once; its rows and artifacts are removed by the step
 * RemoveJob, because 10,000 take minutes. Pull requests stay, as they are GitHub's.
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
    // The same deletion again is the same execution. One that cannot be started is the reconciler's.
    await new Executions(context.settings).start({ jobId, run, action: 'delete' });
    return { status: 204 };
  },
);

/** Makes the job's row a tombstone, and returns the run that removes the rest. */
async function markDeleted(jobId: string, context: Context): Promise<number> {
  const { jobs, now } = context;
  for (;;) {
    const deletion = await jobs.deletion(jobId);
    if (deletion && !deletion.isDone) return deletion.run;
    const { status, run } = await mendedJob(jobId, context);
    if (!isEnded(status)) {
      throw new ConflictError(`The job ${jobId} is ${status}; cancel it before it is deleted.`);
    }
    // Where this does not hold, the job runs again or was deleted since.
    if (await jobs.markDeleted(jobId, run, now())) return run + 1;
  }
}
