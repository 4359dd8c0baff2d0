import { requireFreePorts } from '../../local/access/loopback.ts';

const FIRST = 12_000;
/** Below the ports that the system gives to clients, which take any that is free for a moment. */
const END = 32_000;
const STEP = 10;

/**
 * The first of so many free ports in a row, at most 10. Each process begins to look elsewhere. The system gives none of them to
 * a client, so they are free again after a kill.
 */
export async function freePorts(count: number): Promise<number> {
  const steps = (END - FIRST) / STEP;
  for (let step = process.pid; step < process.pid + steps; step++) {
    const first = FIRST + (step % steps) * STEP;
    const isFree = await requireFreePorts(Array.from({ length: count }, (_, i) => first + i)).then(
      () => true,
      () => false,
    );
    if (isFree) return first;
  }
  throw new Error(`There are no ${count} free ports in a row from ${FIRST} to ${END}.`);
}
