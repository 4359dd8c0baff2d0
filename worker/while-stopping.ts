import { setTimeout as sleep } from 'node:timers/promises';

/** After the stop signal Batch kills the worker in 30 s, the local Batch in 5 s, and services may be gone already. */
const GRACE_MS = 1000;

/** Waits for `work`, but at most one second after `stop` aborts. For work that can be repeated later. */
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
