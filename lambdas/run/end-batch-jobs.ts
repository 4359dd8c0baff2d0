import { setTimeout as sleep } from 'node:timers/promises';
import { BatchJobs, isBatchJobEnded } from '../../core/batch.ts';
import { inParallel } from '../../core/in-parallel.ts';

/** Concurrent TerminateJob calls. */
const TERMINATIONS = 16;
/** AWS Batch allows 50 calls per second and account. */
const TERMINATION_INTERVAL_MS = 1000 / 50;
const POLL_MS = 200;

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
  const batch = new BatchJobs();
  let ending: string[] = [];
  for await (const job of batch.listJobs({ jobQueue, namePrefix }))
    if (!isBatchJobEnded(job.status)) ending.push(job.jobId!);
  const turn = everyMs(TERMINATION_INTERVAL_MS);
  await inParallel(ending, TERMINATIONS, async (jobId) => {
    await turn();
    await batch.terminateJob(jobId, reason);
  });
  const deadline = Date.now() + waitMs;
  while (ending.length > 0 && Date.now() < deadline) {
    const jobs = await batch.describeJobs(ending);
    ending = jobs.filter(({ status }) => !isBatchJobEnded(status)).map(({ jobId }) => jobId!);
    if (ending.length > 0) await sleep(POLL_MS);
  }
  return ending;
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
