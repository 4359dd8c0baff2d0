import { setTimeout as sleep } from 'node:timers/promises';

/** Batch ends what has not ended 30 s after the order to stop; on one machine it is 5 s, and the services may be gone. */
const GRACE_MS = 1000;

/** Waits for work that can be made up for later: to its end, or until a second after the order to stop. */
export async function whileStopping(work: Promise<unknown>, stop: AbortSignal): Promise<void> {
  const waited = new AbortController();
  const grace = () => sleep(GRACE_MS, undefined, { signal: waited.signal }).catch(() => {});
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener('abort', () => resolve(), { once: true, signal: waited.signal });
  });
  try {
    await Promise.race([work, stopped.then(grace)]);
  } finally {
    waited.abort();
  }
}
