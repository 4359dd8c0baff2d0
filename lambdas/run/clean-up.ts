import { batchJobPrefix, type RunId } from '../../core/execution.ts';
import { required } from '../../core/settings.ts';
import type { Context } from '../context.ts';
import { endBatchJobs } from './end-batch-jobs.ts';
import { endUnfinished, type RunEnd } from './end-unfinished.ts';
import { recordRunEnd } from './run-record.ts';
import { totalsOf } from './totals.ts';

/**
 * How long to wait for terminated workers, which save their usage first. A worker needs less than a second; Fargate
 * reports the end of its task later than that.
 */
const TERMINATION_WAIT_MS = 5000;

/**
 * Cleans up after a stopped execution: terminates its Batch jobs, ends rows that have not ended, and writes the totals of
 * the job. Safe to run again; changes nothing of a later run.
 */
export async function cleanUpRun({ jobId, run }: RunId, end: RunEnd, context: Context): Promise<void> {
  const jobQueue = required(context.settings, 'JOB_QUEUE');
  await endBatchJobs(jobQueue, batchJobPrefix({ jobId, run }), end.error.message, TERMINATION_WAIT_MS);
  const rows = await endUnfinished({ jobId, run }, end, context);
  const totals = await totalsOf(jobId, rows, end.status, context);
  if (totals.costUsd !== undefined) await context.control.settleAll(jobId, run, totals.costUsd);
  await context.jobs.recordTotals(jobId, run, totals, context.now());
  await recordRunEnd({ jobId, run }, rows.rows, end, context);
}
