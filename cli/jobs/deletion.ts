import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../connect/connection.ts';

/** Rows and artifacts are removed in the background. */
const SETTLE_MS = 1000;

/** A stack that this command started has to run a little longer, to remove what belonged to the jobs. */
export async function settle({ stack }: Connection): Promise<void> {
  if (stack && !stack.lasts) await sleep(SETTLE_MS);
}
