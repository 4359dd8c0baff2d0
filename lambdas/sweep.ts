import { setTimeout as sleep } from 'node:timers/promises';
import { BatchJobs, isBatchJobEnded } from '../core/batch.ts';
import { batchJobPrefix } from '../core/execution.ts';
import type { ErrorDescription, JobRow } from '../core/job.ts';
import { required } from '../core/settings.ts';
import { endUnfinished } from './end-unfinished.ts';
import type { Storage } from './storage.ts';
import { totalsOf } from './totals.ts';

/**
 * How long running workers are given to save what they spent before it is counted. One that is told to stop needs less
 * than a second; Fargate reports its end later than that, and whoever cancels waits meanwhile.
 */
const LET_GO_MS = 5000;
const POLL_MS = 200;

/**
 * Ends what a stopped execution leaves behind: Batch jobs that queue or run (CancelJob would not stop a running one),
 * rows that are not ended, and totals that do not count them. Safe to run again, and harmless to a later run.
 */
export async function sweep(
  storage: Storage,
  run: Pick<JobRow, 'jobId' | 'run'>,
  status: 'failed' | 'cancelled',
  error: ErrorDescription,
): Promise<void> {
  await endBatchJobs(required(storage.settings, 'JOB_QUEUE'), batchJobPrefix(run), error.message);
  const rows = await endUnfinished(storage, run, status, error);
  const totals = await totalsOf(storage, run.jobId, rows, status);
  if (totals.costUsd !== undefined) await storage.jobs.settleAll(run.jobId, run.run, totals.costUsd);
  await storage.jobs.recordTotals(run.jobId, run.run, totals, storage.now());
}

async function endBatchJobs(jobQueue: string, namePrefix: string, reason: string): Promise<void> {
  const batch = new BatchJobs();
  let ending: string[] = [];
  for await (const job of batch.listJobs({ jobQueue, namePrefix })) {
    if (isBatchJobEnded(job.status)) continue;
    await batch.terminateJob(job.jobId!, reason);
    ending.push(job.jobId!);
  }
  const deadline = Date.now() + LET_GO_MS;
  while (ending.length > 0 && Date.now() < deadline) {
    const jobs = await batch.describeJobs(ending);
    ending = jobs.filter(({ status }) => !isBatchJobEnded(status)).map(({ jobId }) => jobId!);
    if (ending.length > 0) await sleep(POLL_MS);
  }
}
