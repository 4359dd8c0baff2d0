import { setTimeout as sleep } from 'node:timers/promises';

const MAX_PAUSE_MS = 500;

/**
 * Waits until `holds` returns something truthy, and returns it. Throws after `ms`, naming `what`. Without `everyMs` it asks
 * after a tenth of the time that it has waited: most conditions read tables or /proc, and others need the CPU.
 */
export async function until<T>(
  what: string,
  holds: () => T | Promise<T>,
  ms = 600_000,
  everyMs?: number | ((waited: number) => number),
): Promise<NonNullable<T>> {
  const begin = performance.now();
  for (;;) {
    const found = await holds();
    if (found) return found;
    const waited = performance.now() - begin;
    if (waited > ms) throw new Error(`${what}: not within ${ms} ms`);
    const pause = typeof everyMs === 'function' ? everyMs(waited) : everyMs;
    await sleep(pause ?? Math.min(Math.max(20, waited / 10), MAX_PAUSE_MS));
  }
}
