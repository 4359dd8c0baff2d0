import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../../core/job.ts';
import type { ApiClient, ShownJob } from '../connect/api-client.ts';

const POLL_MS = 1000;

/** Returns the job when no run of it is under way, or after some seconds. */
export async function waitForJob(
  api: ApiClient,
  jobId: string,
  seconds: number,
): Promise<Pick<ShownJob, 'jobId' | 'status' | 'counts' | 'costUsd' | 'spending' | 'held' | 'pullRequests'>> {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const { status, counts, costUsd, spending, held, pullRequests } = await api.getJob(jobId);
    if (!isRunning(status) || Date.now() >= until) {
      return { jobId, status, counts, costUsd, spending, held, pullRequests };
    }
    await sleep(POLL_MS);
  }
}
