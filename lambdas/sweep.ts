import { BatchJobs, isBatchJobEnded } from '../core/batch.ts';
import type { ErrorDescription } from '../core/job.ts';
import { required } from '../core/settings.ts';
import { endUnfinished } from './end-unfinished.ts';
import type { Storage } from './storage.ts';
import { totalsOf } from './totals.ts';

/**
 * Ends what a stopped execution leaves behind: Batch jobs that queue or run (CancelJob would not stop a running one),
 * rows that are not ended, and totals that do not count them. Safe to run again.
 */
export async function sweep(
  storage: Storage,
  jobId: string,
  status: 'failed' | 'cancelled',
  error: ErrorDescription,
): Promise<void> {
  const batch = new BatchJobs();
  const jobQueue = required(storage.settings, 'JOB_QUEUE');
  for await (const job of batch.listJobs({ jobQueue, namePrefix: `${jobId}-` })) {
    if (!isBatchJobEnded(job.status)) await batch.terminateJob(job.jobId!, error.message);
  }
  const rows = await endUnfinished(storage, jobId, status, error);
  const totals = totalsOf(rows);
  if (totals.costUsd !== undefined) await storage.jobs.settleAll(jobId, totals.costUsd);
  await storage.jobs.recordTotals(jobId, totals, storage.now());
}
