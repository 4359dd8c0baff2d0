import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type JobRow } from '../core/job.ts';
import { tell } from '../core/terminal.ts';
import type { ApiClient } from './api-client.ts';
import { Progress } from './progress.ts';

const POLL_MS = 200;
/** The repositories of a cancelled job may take this long to end, because workers get some seconds to save their work. */
const MAX_REST_MS = 30_000;

/** Shows a job's progress until it has ended. Ctrl-C cancels the job; a second one ends this process at once. */
export async function followJob(api: ApiClient, jobId: string, out = process.stderr): Promise<JobRow> {
  const progress = new Progress(out);
  let cancelled: Promise<void> | undefined;
  let endedAt: number | undefined;
  const onInterrupt = () => {
    if (cancelled) process.exit(130);
    out.write(`\nCancelling ${jobId}; Ctrl-C again ends at once, without waiting for it.\n`);
    cancelled = api.cancelJob(jobId).catch((error: Error) => tell(error.message, out));
  };
  process.on('SIGINT', onInterrupt);
  try {
    for (;;) {
      const job = await api.getJob(jobId);
      progress.show(job);
      if (!isRunning(job.status)) {
        endedAt ??= Date.now();
        // The job's row has its end before the rows of all its repositories do.
        if (isAtRest(job) || Date.now() - endedAt > MAX_REST_MS) {
          await cancelled;
          return job;
        }
      }
      await sleep(POLL_MS);
    }
  } finally {
    process.off('SIGINT', onInterrupt);
    progress.end();
  }
}

function isAtRest({ counts }: JobRow): boolean {
  return counts.pending + counts.processing === 0;
}
