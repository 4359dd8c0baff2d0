import { setTimeout as sleep } from 'node:timers/promises';
import { GitFailedError } from '../../core/git-process.ts';
import type { Waiting } from '../../core/repository-result.ts';
import type { Log } from '../log.ts';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** Asking the server again does not mend this machine. */
const OF_THIS_MACHINE = /No space left on device|Permission denied|Disk quota exceeded/i;

export type GitRetries = {
  /** How long git's server may fail. */
  seconds: number;
  signal: AbortSignal;
  log: Log;
  onWaiting: (waiting: Waiting) => void;
};

/**
 * Does what needs git's server, again and again with growing pauses while git itself fails: an outage, a proxy's error
 * page and a dropped connection pass. Throws the last failure when the retries is over, and at once what is no failure of
 * git's.
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
      // Half as long to half as much again, so that a fleet does not come back as one.
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (times - 1)) * (0.5 + Math.random());
      if (Date.now() + pauseMs - began > seconds * 1000) throw error;
      log.warn(`git is asked again in ${(pauseMs / 1000).toFixed(1)} s: ${error.message}`);
      onWaiting({ until: new Date(Date.now() + pauseMs).toISOString(), times, reason: error.message });
      await sleep(pauseMs, undefined, { signal });
    }
  }
}
