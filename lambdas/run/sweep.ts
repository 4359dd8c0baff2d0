import { batchJobPrefix } from '../../core/execution.ts';
import type { ErrorDescription, JobRow } from '../../core/job.ts';
import { required } from '../../core/settings.ts';
import type { Context } from '../context.ts';
import { endBatchJobs } from './end-batch-jobs.ts';
import { endUnfinished } from './end-unfinished.ts';
import { totalsOf } from './totals.ts';

/**
 * How long running workers are given to save what they spent before it is counted. One that is told to stop needs less
 * than a second; Fargate reports its end later than that, and whoever cancels waits meanwhile.
 */
const LET_GO_MS = 5000;

/**
 * Ends what a stopped execution leaves behind: Batch jobs that queue or run (CancelJob would not stop a running one),
 * rows that are not ended, and totals that do not count them. Safe to run again, and harmless to a later run.
 */
export async function sweep(
  context: Context,
  run: Pick<JobRow, 'jobId' | 'run'>,
  status: 'failed' | 'cancelled',
  error: ErrorDescription,
): Promise<void> {
  await endBatchJobs(required(context.settings, 'JOB_QUEUE'), batchJobPrefix(run), error.message, LET_GO_MS);
  const rows = await endUnfinished(context, run, status, error);
  const totals = await totalsOf(context, run.jobId, rows, status);
  if (totals.costUsd !== undefined) await context.control.settleAll(run.jobId, run.run, totals.costUsd);
  await context.jobs.recordTotals(run.jobId, run.run, totals, context.now());
}
