import { setTimeout as sleep } from 'node:timers/promises';
import { GitFailedError } from '../../core/git-process.ts';
import type { Waiting } from '../../core/repository-result.ts';
import type { Log } from '../log.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** Errors of this machine, which a retry cannot fix. */
const OF_THIS_MACHINE = /No space left on device|Permission denied|Disk quota exceeded/i;

export type GitRetries = {
  /** The retry budget. */
  seconds: number;
  signal: AbortSignal;
  log: Log;
  onWaiting: (waiting: Waiting) => void;
};

/**
 * Retries a request to git's server with growing pauses, so that it survives an outage, a proxy's error page
 * or a dropped connection. Throws the last GitFailedError when the retry budget is spent, and any other error
 * at once.
 */
export async function retryGit<T>(
  ask: () => Promise<T>,
  { seconds, signal, log, onWaiting }: GitRetries,
): Promise<T> {
  const began = Date.now();
  for (let times = 1; ; times++) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof GitFailedError) || OF_THIS_MACHINE.test(error.stderr)) throw error;
      // Jitter of half the pause to both sides, so that the workers of a fleet do not retry at the same time.
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (times - 1)) * (0.5 + Math.random());
      if (Date.now() + pauseMs - began > seconds * 1000) throw error;
      log.warn(`git is asked again in ${(pauseMs / 1000).toFixed(1)} s: ${error.message}`);
      onWaiting({ until: new Date(Date.now() + pauseMs).toISOString(), times, reason: error.message });
      await sleep(pauseMs, undefined, { signal });
    }
  }
}
