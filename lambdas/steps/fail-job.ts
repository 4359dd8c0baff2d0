import type { z } from 'zod';
import { CaughtError, ExecutionInput } from '../../core/execution.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { endUnfinished } from '../run/end-unfinished.ts';
import { logJobEnd } from '../run/job-ended.ts';
import { findMendedJob } from '../run/mended-job.ts';
import { totalsOf } from '../run/totals.ts';
import { describeStepFailure } from '../step-failure.ts';

export const Input = ExecutionInput.extend({ error: CaughtError });

/** Ends a job whose lifecycle broke; what its repositories had completed stays. */
export async function failJob({ jobId, run, error }: z.infer<typeof Input>, context: Context): Promise<void> {
  const reason = describeStepFailure(error);
  await findMendedJob(jobId, context);
  const rows = await endUnfinished(context, { jobId, run }, 'failed', {
    name: reason.name,
    message: `The job failed: ${reason.message}`,
  });
  const totals = await totalsOf(context, jobId, rows, 'failed');
  const ended = await context.jobs.end(jobId, run, {
    ...totals,
    status: 'failed',
    at: context.now(),
    error: reason,
  });
  if (ended) logJobEnd({ ...totals, status: 'failed' });
}

export const handler = functionHandler(Input, failJob);
