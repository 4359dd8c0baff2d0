import { z } from 'zod';
import { truncateMessage } from '../../core/errors.ts';
import { parseExecutionName } from '../../core/execution.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED } from '../run/end-unfinished.ts';
import { logJobEnd } from '../run/job-ended.ts';
import { findMendedJob } from '../run/mended-job.ts';

/** EventBridge's "Step Functions Execution Status Change". */
export const Input = z.object({
  'detail-type': z.literal('Step Functions Execution Status Change'),
  detail: z.object({
    name: z.string(),
    status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']),
    error: z.string().nullish(),
    cause: z.string().nullish(),
  }),
});

/**
 * Ends the job of an execution that ended without CompleteJob or FailJob: stopped by a cancel or in the console, timed out,
 * or failed with an error that no Catch catches.
 */
export async function executionEnded({ detail }: z.infer<typeof Input>, context: Context): Promise<void> {
  const execution = parseExecutionName(detail.name);
  if (!execution || detail.status === 'RUNNING' || detail.status === 'SUCCEEDED') return;
  const { jobId, run } = execution;
  const job = await findMendedJob(jobId, context);
  // RemoveJob cleans up after a deleted job.
  if (!job) return;

  if (detail.status === 'ABORTED') {
    // Also if a later run has begun: a cancel leaves the workers of its run to this function.
    await context.jobs.cancel(jobId, run, context.now());
    await context.control.stop(jobId, run, 'cancelled');
    await cleanUpRun(execution, CANCELLED, context);
    return;
  }
  if (job.run !== run) return;
  const name = detail.error ?? `Execution.${detail.status}`;
  const error = {
    name,
    message: truncateMessage(
      detail.cause ?? `The execution ${detail.name} ended with the status ${detail.status}.`,
    ),
  };
  await cleanUpRun(execution, { status: 'failed', error }, context);
  const ended = await context.jobs.end(jobId, run, { status: 'failed', at: context.now(), error });
  if (ended) logJobEnd(jobId, { status: 'failed' });
}

export const handler = functionHandler(Input, executionEnded);
