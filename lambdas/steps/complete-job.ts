import type { z } from 'zod';
import { ExecutionInput, type RunId } from '../../core/execution.ts';
import type { ErrorDescription } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { settleReview, undecidedOf } from '../run/await-review.ts';
import { endUnfinished, type RunEnd } from '../run/end-unfinished.ts';
import { logJobEnd } from '../run/job-ended.ts';
import { findMendedJob } from '../run/mended-job.ts';
import type { JobRows } from '../run/rows.ts';
import { recordRunEnd } from '../run/run-record.ts';
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
 * Ends the job with the counts and the usage of all its repositories. `States.ALL` does not catch States.Runtime or
 * States.DataLimitExceeded, so a child execution can fail without recording it: unfinished repositories fail here.
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
  await awaitReview({ jobId, run }, rows, context);
  const status = totals.counts.completed > 0 ? 'completed' : 'failed';
  const error = status === 'failed' ? await whyNoneCompleted(jobId, totals.counts.total, context) : undefined;
  await recordRunEnd({ jobId, run }, rows.rows, { status, error }, context);
  const ended = await context.jobs.end(jobId, run, { ...totals, status, at, error });
  // A decision that came while the run was ending is not in what the job waits for. Also if an earlier attempt of this step
  // ended the job and was lost.
  await settleReview(jobId, context, ended ? rows.rows : undefined);
  // A run that only publishes has failed no analysis: failed repositories were logged by an earlier run.
  if (ended) logJobEnd(jobId, action === 'publish' ? { status: ended } : { ...totals, status: ended });
  // The job was cancelled: its status stays, but the totals are newer.
  else await context.jobs.recordTotals(jobId, run, totals, at);
}

/** A job that requires reviews waits after the run while one of its changes is undecided. */
async function awaitReview({ jobId, run }: RunId, { rows }: JobRows, context: Context): Promise<void> {
  const { jobs, reviews, artifacts } = context;
  const job = await jobs.get(jobId);
  if (job.review !== 'required') return;
  const decisions = await reviews.decisions(jobId, artifacts);
  await jobs.awaitReview(jobId, run, undecidedOf(job, rows, decisions) > 0);
}

/** The error that stopped the whole job, or else a reference to each repository's error. */
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
    message: `None of ${total} repositories completed. Each repository's error has the reason.`,
  };
}

export const handler = functionHandler(Input, completeJob);
