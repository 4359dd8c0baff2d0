import { setTimeout as sleep } from 'node:timers/promises';
import { ThrottledTableError } from './errors.ts';

/** Waits of up to 50, 100, 200 ms and so on to 5 s: half a minute in all on average before it gives up. */
const FIRST_MS = 50;
const LONGEST_MS = 5_000;
const MOST = 16;

/**
 * Waits between the tries of a batch of which DynamoDB left a part undone, with full jitter:
 * https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export class Backoff {
  readonly #operation: string;
  #tries = 0;

  constructor(operation: string) {
    this.#operation = operation;
  }

  /** Throws ThrottledTableError where too many tries in a row got nothing done. */
  async wait(hasProgressed: boolean): Promise<void> {
    this.#tries = hasProgressed ? 0 : this.#tries + 1;
    if (this.#tries > MOST) {
      throw new ThrottledTableError(
        `DynamoDB did nothing of ${this.#operation} in ${MOST} tries in a row. The table is throttled; try again later.`,
      );
    }
    await sleep(Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#tries));
  }
}
