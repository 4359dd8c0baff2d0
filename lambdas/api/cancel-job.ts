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
 * Cancels a job that has not ended; returns a job that is already cancelled unchanged. The answer does not wait for workers
 * and rows, which may be 10,000: ExecutionEnded ends them, on the event of the execution that is stopped here.
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
    // The order matters: a worker or step that starts now must already find the job cancelled.
    const cancelled = { jobId, run: await cancelRun(jobId, context) };
    await context.control.stop(jobId, cancelled.run, 'cancelled');
    const wasStarted = await new Executions(context.settings).stop(cancelled, 'The job was cancelled.');
    // Without an execution there is no event. A first run that was never started has no rows and no workers either.
    if (!wasStarted && cancelled.run === 1) await cleanUpRun(cancelled, CANCELLED, context);
    return { json: await context.jobs.get(jobId) };
  },
);

/** Marks the job cancelled in its current run, and returns that run. */
async function cancelRun(jobId: string, context: Context): Promise<number> {
  const { jobs, now } = context;
  for (;;) {
    const { run, status } = await mendedJob(jobId, context);
    if (status === 'cancelled') return run;
    if (isEnded(status)) {
      throw new ConflictError(
        `Only a job that has not ended can be cancelled; the job ${jobId} is already ${status}.`,
      );
    }
    // If the update is refused, the job has ended or run again since it was read.
    if (await jobs.cancel(jobId, run, now())) return run;
  }
}
