import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../../core/job.ts';
import type { ShownJob } from '../connect/api-client.ts';
import type { Connection } from '../connect/connection.ts';
import { canRedraw, streams } from '../terminal/streams.ts';
import { type JobState, readState } from './job-state.ts';
import { Progress } from './progress.ts';

/** A stack of this machine is asked more often than a deployment, whose answers cost a little. */
const POLL_MS = { local: 250, deployment: 1500 };
/** The repositories of a cancelled job may take this long to end, because workers get some seconds to save their work. */
const MAX_REST_MS = 30_000;
/** How long a second Ctrl-C waits for the cancellation that the first one asked for. */
const LAST_WAIT_MS = 1000;

/** What Ctrl-C does: `run` cancels its job, `watch` leaves the job alone. */
export type OnInterrupt = 'cancel' | 'leave';

/**
 * Shows a job's progress until nothing of it runs. Ctrl-C cancels the job; a second one ends this process. With `leave`, the
 * first one ends this process and the job goes on.
 */
export async function followJob(
  connection: Pick<Connection, 'api' | 'stack'>,
  jobId: string,
  onInterrupt: OnInterrupt = 'cancel',
): Promise<ShownJob> {
  const { api, stack } = connection;
  const progress = new Progress();
  const detail = canRedraw(streams.err);
  let cancelled: Promise<boolean> | undefined;
  let restUntil: number | undefined;
  const interrupted = () => {
    if (onInterrupt === 'leave') {
      progress.tell(`${jobId} goes on: ${continues(connection, jobId)}`);
      process.exit(130);
    }
    if (cancelled) {
      void leave(cancelled, connection, jobId, progress);
      return;
    }
    progress.tell(`Cancelling ${jobId}. Ctrl-C again ends at once, without waiting for it.`);
    cancelled = api.cancelJob(jobId).then(
      () => true,
      (error: Error) => {
        progress.tell(error.message);
        return false;
      },
    );
  };
  process.on('SIGINT', interrupted);
  try {
    for (;;) {
      const state: JobState = await readState(api, jobId, detail);
      progress.show(state);
      const { job } = state;
      if (!isRunning(job.status)) {
        restUntil ??= Date.now() + MAX_REST_MS;
        // The job's row has its end before the rows of all its repositories do.
        if (job.counts.pending + job.counts.processing === 0 || Date.now() > restUntil) {
          await cancelled;
          return job;
        }
      }
      await sleep(stack ? POLL_MS.local : POLL_MS.deployment);
    }
  } finally {
    process.off('SIGINT', interrupted);
    progress.end();
  }
}

/** Ends this process at a second Ctrl-C, and says what becomes of the job. */
async function leave(
  cancelled: Promise<boolean>,
  connection: Pick<Connection, 'api' | 'stack'>,
  jobId: string,
  progress: Progress,
): Promise<void> {
  const isCancelled = await Promise.race([cancelled, sleep(LAST_WAIT_MS, false)]);
  const { stack } = connection;
  progress.tell(
    isCancelled
      ? `${jobId} is cancelled. ${stack && !stack.lasts ? 'Its workers end with this command.' : 'Its workers end by themselves.'}`
      : `${jobId} is not cancelled: ${continues(connection, jobId)}`,
  );
  process.exit(130);
}

function continues({ stack }: Pick<Connection, 'stack'>, jobId: string): string {
  if (!stack) return `the deployment works on it. \`cody-batch cancel ${jobId}\` ends it.`;
  if (stack.lasts) return `the stack of \`serve\` works on it. \`cody-batch cancel ${jobId}\` ends it.`;
  return `its work is saved, and continues when a stack starts over ${stack.dataFolder}, by \`cody-batch watch ${jobId}\` or \`cody-batch serve\`.`;
}
