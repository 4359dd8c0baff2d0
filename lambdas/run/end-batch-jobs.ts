import { setTimeout as sleep } from 'node:timers/promises';
import { BatchService, isBatchJobEnded } from '../../core/batch/batch-service.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { logger } from '../logger.ts';

/** Concurrent TerminateJob calls. */
const TERMINATIONS = 16;
/** AWS Batch allows 50 calls per second and account. */
const TERMINATION_INTERVAL_MS = 1000 / 50;
const POLL_SECONDS = 0.2;

/**
 * Terminates every queued or running Batch job whose name has this prefix (CancelJob would not stop a running one), and
 * waits up to `waitMs` for their ends. Returns the IDs of those that have not ended by then.
 */
export async function endBatchJobs(
  jobQueue: string,
  namePrefix: string,
  reason: string,
  waitMs: number,
): Promise<string[]> {
  const batch = new BatchService({ jobQueue, logger });
  const ending: string[] = [];
  for await (const job of batch.listJobs({ namePrefix }))
    if (!isBatchJobEnded(job.status)) ending.push(job.jobId!);
  const turn = everyMs(TERMINATION_INTERVAL_MS);
  await inParallel(ending, TERMINATIONS, async (jobId) => {
    await turn();
    await batch.terminateJob(jobId, reason);
  });
  const { unfinished } = await batch.waitForJobs(ending, {
    timeoutSeconds: waitMs / 1000,
    pollSeconds: POLL_SECONDS,
  });
  return unfinished.map(({ jobId }) => jobId!);
}

/** Makes callers wait so that they continue at least `ms` apart. */
function everyMs(ms: number): () => Promise<void> {
  let next = 0;
  return async () => {
    const now = performance.now();
    const at = Math.max(now, next);
    next = at + ms;
    if (at > now) await sleep(at - now);
  };
}
