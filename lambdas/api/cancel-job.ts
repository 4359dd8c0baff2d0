import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { isEnded, JobId, ShownJob } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED } from '../run/end-unfinished.ts';
import { Executions } from '../run/executions.ts';
import { mendedJob } from '../run/mended-job.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/**
 * Cancels a job that has not ended; a cancelled one is answered as it is. The answer does not wait for 10,000 workers and
 * rows: ExecutionEnded ends them, by the event of the execution that is stopped here.
 */
export const cancelJob = route(
  'POST',
  '/jobs/{jobId}/cancel',
  {
    role: 'runner',
    summary: 'Cancels a job; repositories that have ended keep their results.',
    params,
    responses: { 200: ShownJob },
    problems: [409],
  },
  async ({ params: { jobId } }, context) => {
    // In this order: whatever looks at the row or wants to start next sees it before anything is ended.
    const cancelled = { jobId, run: await cancelRun(jobId, context) };
    await context.control.stop(jobId, cancelled.run, 'cancelled');
    const wasStarted = await new Executions(context.settings).stop(cancelled, 'The job was cancelled.');
    // No event tells of an execution that never was, and a first run without one has no rows and no workers.
    if (!wasStarted && cancelled.run === 1) await cleanUpRun(cancelled, CANCELLED, context);
    return { json: await context.jobs.get(jobId) };
  },
);

/** Marks the job cancelled in whatever run it is, and returns that run. */
async function cancelRun(jobId: string, context: Context): Promise<number> {
  const { jobs, now } = context;
  for (;;) {
    const { run, status } = await mendedJob(jobId, context);
    if (status === 'cancelled') return run;
    if (isEnded(status)) {
      throw new ConflictError(
        `The job ${jobId} has already ended as ${status}; only a pending or processing job can be cancelled.`,
      );
    }
    // Where this does not hold, the job has ended since, or runs again.
    if (await jobs.cancel(jobId, run, now())) return run;
  }
}
