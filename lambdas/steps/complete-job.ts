import type { z } from 'zod';
import { ExecutionInput } from '../../core/execution.ts';
import type { ErrorDescription } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { endUnfinished, type RunEnd } from '../run/end-unfinished.ts';
import { logJobEnd } from '../run/job-ended.ts';
import { findMendedJob } from '../run/mended-job.ts';
import { totalsOf } from '../run/totals.ts';

export const Input = ExecutionInput;

const LOST: RunEnd = {
  status: 'failed',
  error: {
    name: 'WorkerLostError',
    message:
      "The child execution of this repository ended without recording a result. The execution's history has the reason. Retry the job to run the repository again.",
  },
};

/**
 * Ends the job with the counts and the bill of all its repositories. `States.ALL` does not catch everything
 * (States.Runtime, States.DataLimitExceeded), so a child can die unrecorded: what is left unfinished fails here.
 */
export async function completeJob(
  { jobId, run, action }: z.infer<typeof Input>,
  context: Context,
): Promise<void> {
  await findMendedJob(jobId, context);
  const rows = await endUnfinished({ jobId, run }, LOST, context);
  const totals = await totalsOf(jobId, rows, 'failed', context);
  const at = context.now();
  if (totals.costUsd !== undefined) await context.control.settleAll(jobId, run, totals.costUsd);
  const status = totals.counts.completed > 0 ? 'completed' : 'failed';
  const error = status === 'failed' ? await whyNoneCompleted(jobId, totals.counts.total, context) : undefined;
  const ended = await context.jobs.end(jobId, run, { ...totals, status, at, ...(error && { error }) });
  // Cancelled meanwhile: its status stays, its totals are true all the same.
  // A run that only publishes has failed no analysis; those that are counted were told of when they ended.
  if (ended) logJobEnd(action === 'publish' ? { status } : { ...totals, status });
  else await context.jobs.recordTotals(jobId, run, totals, at);
}

/** One reason for all of them, where there is one; else each says its own. */
async function whyNoneCompleted(
  jobId: string,
  total: number,
  { control }: Context,
): Promise<ErrorDescription> {
  const { stoppedBy, stoppedBecause } = await control.get(jobId);
  if (stoppedBy === 'modelRefused' && stoppedBecause)
    return { name: 'ModelRequestError', message: stoppedBecause };
  return {
    name: 'NoRepositoryCompletedError',
    message: `None of ${total} repositories completed; the error of each one says why.`,
  };
}

export const handler = functionHandler(Input, completeJob);
