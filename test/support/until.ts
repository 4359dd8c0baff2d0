import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `holds` returns something truthy, and returns it. Throws after `ms`, naming `what`. */
export async function until<T>(
  what: string,
  holds: () => T | Promise<T>,
  ms = 600_000,
  everyMs = 20,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(everyMs);
  }
}
