import { setTimeout as sleep } from 'node:timers/promises';
import { ThrottledTableError } from './errors.ts';

/** Waits of up to 50, 100, 200 ms and so on to 5 s: half a minute in all on average before the last try. */
const FIRST_MS = 50;
const MAX_WAIT_MS = 5_000;
const MAX_TRIES = 16;

/**
 * Waits between retries of a batch that DynamoDB processed in part, with full jitter:
 * https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export class Backoff {
  readonly #operation: string;
  #tries = 0;

  constructor(operation: string) {
    this.#operation = operation;
  }

  /** Throws ThrottledTableError if too many tries in a row made no progress. */
  async wait(hasProgressed: boolean): Promise<void> {
    this.#tries = hasProgressed ? 0 : this.#tries + 1;
    if (this.#tries > MAX_TRIES) {
      throw new ThrottledTableError(
        `DynamoDB processed nothing of ${this.#operation} in ${MAX_TRIES} tries in a row. The table is throttled; try again later.`,
      );
    }
    await sleep(Math.random() * Math.min(MAX_WAIT_MS, FIRST_MS * 2 ** this.#tries));
  }
}
