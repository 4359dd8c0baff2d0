import type { z } from 'zod';
import { truncateMessage } from '../../core/errors.ts';
import { CaughtError, ExecutionInput } from '../../core/execution.ts';
import { describeFunctionError } from '../caught-error.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { endUnfinished } from '../run/end-unfinished.ts';
import { logJobEnd } from '../run/job-ended.ts';
import { findMendedJob } from '../run/mended-job.ts';
import { recordRunEnd } from '../run/run-record.ts';
import { totalsOf } from '../run/totals.ts';

export const Input = ExecutionInput.extend({ error: CaughtError });

/** Ends a job whose execution failed in a step. Results of completed repositories stay. */
export async function failJob(
  { jobId, run, error: caught }: z.infer<typeof Input>,
  context: Context,
): Promise<void> {
  const reason = describeFunctionError(caught);
  await findMendedJob(jobId, context);
  const error = { name: reason.name, message: truncateMessage(`The job failed: ${reason.message}`) };
  const rows = await endUnfinished({ jobId, run }, { status: 'failed', error }, context);
  const totals = await totalsOf(jobId, rows, 'failed', context);
  await recordRunEnd({ jobId, run }, rows.rows, { status: 'failed', error: reason }, context);
  const ended = await context.jobs.end(jobId, run, {
    ...totals,
    status: 'failed',
    at: context.now(),
    error: reason,
  });
  if (ended) logJobEnd(jobId, { ...totals, status: 'failed' });
}

export const handler = functionHandler(Input, failJob);
