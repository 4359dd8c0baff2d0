import { z } from 'zod';
import { ConflictError } from '../../../core/errors.ts';
import { isRunning, JobId } from '../../../core/job.ts';
import type { Context } from '../../context.ts';
import { Executions } from '../../run/executions.ts';
import { mendedJob } from '../../run/mended-job.ts';
import { completeJob } from '../../steps/complete-job.ts';
import { route } from '../route.ts';
import { audited, Done, Reason } from './audited.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({
    reason: Reason.optional(),
    /** Whether an execution that still runs is stopped. @default false */
    force: z.boolean().optional(),
  })
  .optional();

const Reset = Done.extend({
  /** What was done to the job's execution. */
  execution: z.enum(['started', 'completed', 'ended', 'stopped']),
});

const RESET = {
  name: 'JobResetError',
  message: 'An administrator reset this job. Retry it to run what did not complete.',
};

/**
 * Frees a job whose row and execution disagree, or whose execution hangs, so that it can be retried: what Reconcile would do
 * within minutes, and with `force` also what it never does.
 */
export const resetJob = route(
  'POST',
  '/admin/jobs/{jobId}/reset',
  {
    role: 'admin',
    summary: 'Frees a stuck job, so that it can be retried; with `force`, also one whose execution runs.',
    params,
    body,
    responses: { 200: Reset },
    problems: [409],
  },
  async ({ params: { jobId }, body, createdBy }, context) => ({
    json: await audited(
      { action: 'resetJob', subject: jobId, by: createdBy, reason: body?.reason },
      () => reset(jobId, body?.force ?? false, context),
      context,
    ),
  }),
);

async function reset(jobId: string, force: boolean, context: Context) {
  const executions = new Executions(context.settings);
  const job = await mendedJob(jobId, context);
  const found = await executions.describe(job);
  const before = { status: job.status, run: job.run, execution: found?.status ?? 'unknown' };
  if (!isRunning(job.status) && found?.status !== 'RUNNING') {
    throw new ConflictError(
      `The job ${jobId} is ${job.status}, and its execution has ended: it is not stuck. Retry it to run what did not complete.`,
    );
  }
  const done = async (execution: z.infer<typeof Reset>['execution']) => {
    const { status, run } = await context.jobs.get(jobId);
    return { before, after: { status, run }, execution };
  };
  if (!found) {
    await executions.start(job);
    return done('started');
  }
  if (found.status === 'RUNNING' && !force) {
    throw new ConflictError(
      `The execution of the job ${jobId} runs (run ${job.run}, updated at ${job.updatedAt}). If it hangs, send {"force": true}; repositories that have ended keep their results.`,
    );
  }
  // CompleteJob ends a job before its execution succeeds, so the row was edited since.
  if (found.status === 'SUCCEEDED') {
    await completeJob(job, context);
    return done('completed');
  }
  await context.jobs.end(jobId, job.run, { status: 'failed', at: context.now(), error: RESET });
  // The order is that of a cancel: what starts now must find the job stopped. ExecutionEnded and Reconcile end its rows.
  await context.control.stop(jobId, job.run, 'cancelled');
  if (found.status !== 'RUNNING') return done('ended');
  await executions.stop(job, RESET.message);
  return done('stopped');
}
