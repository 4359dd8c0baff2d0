import { setTimeout as sleep } from 'node:timers/promises';
import { BatchJobs, isBatchJobEnded } from '../../core/batch.ts';
import { inParallel } from '../../core/in-parallel.ts';

/** TerminateJob calls under way at once, and a second: AWS Batch allows an account 50 a second. */
const TERMINATIONS = 16;
const TERMINATION_EVERY_MS = 1000 / 50;
const POLL_MS = 200;

/**
 * Ends every Batch job of these names, queued or running (CancelJob would not stop a running one), and waits up to
 * `letGoMs` for their ends. Returns those that have not ended by then.
 */
export async function endBatchJobs(
  jobQueue: string,
  namePrefix: string,
  reason: string,
  letGoMs: number,
): Promise<string[]> {
  const batch = new BatchJobs();
  let ending: string[] = [];
  for await (const job of batch.listJobs({ jobQueue, namePrefix }))
    if (!isBatchJobEnded(job.status)) ending.push(job.jobId!);
  const turn = everyMs(TERMINATION_EVERY_MS);
  await inParallel(ending, TERMINATIONS, async (jobId) => {
    await turn();
    await batch.terminateJob(jobId, reason);
  });
  const deadline = Date.now() + letGoMs;
  while (ending.length > 0 && Date.now() < deadline) {
    const jobs = await batch.describeJobs(ending);
    ending = jobs.filter(({ status }) => !isBatchJobEnded(status)).map(({ jobId }) => jobId!);
    if (ending.length > 0) await sleep(POLL_MS);
  }
  return ending;
}

/** Lets callers through one at a time, this far apart. */
function everyMs(ms: number): () => Promise<void> {
  let next = 0;
  return async () => {
    const now = performance.now();
    const at = Math.max(now, next);
    next = at + ms;
    if (at > now) await sleep(at - now);
  };
}
