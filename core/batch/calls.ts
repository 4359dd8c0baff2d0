import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchLogger } from './config.ts';
import { type BatchError, BatchUnavailableError, batchError } from './errors.ts';

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 20_000;

/**
 * Waits before the next try, with full jitter:
 * https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function waitForRetry(tries: number): Promise<void> {
  return sleep(Math.random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)));
}

export type CallOptions = { tries: number; logger: BatchLogger | undefined };

/** Tries a call that is safe to repeat. Throws a BatchError. */
export async function call<Answer>(
  operation: string,
  send: () => Promise<Answer>,
  { tries, logger }: CallOptions,
): Promise<Answer> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await send();
    } catch (cause) {
      const error = batchError(operation, cause);
      if (!error.retryable || tried >= tries) throw error;
      logger?.warn(`${operation} is tried again`, { tried, error: error.message });
      await waitForRetry(tried);
    }
  }
}

export type LossCall<Answer> = {
  send: () => Promise<Answer>;
  /** Looks for what an earlier try has made. */
  find: () => Promise<Answer | undefined>;
  /** For the message, if `find` fails too: where a person looks. */
  whereToLook: string;
};

/**
 * Tries SubmitJob, which would start a second job if Batch has processed a request whose answer was lost. So after such a loss
 * `find` looks for the job before each try. A throttled request was not processed.
 */
export async function callOnce<Answer>(
  operation: string,
  { send, find, whereToLook }: LossCall<Answer>,
  { tries, logger }: CallOptions,
): Promise<Answer> {
  let isLost = false;
  for (let tried = 1; ; tried += 1) {
    let error: BatchError;
    try {
      return await send();
    } catch (cause) {
      error = batchError(operation, cause);
    }
    isLost ||= error instanceof BatchUnavailableError;
    if (!error.retryable || (tried >= tries && !isLost)) throw error;
    await waitForRetry(tried);
    if (isLost) {
      const found = await find().catch((cause) => {
        throw new BatchUnavailableError(
          `No answer came, and looking for the job failed too. A job may have been started: look for ${whereToLook}. ${cause.message}`,
          { operation, cause },
        );
      });
      if (found !== undefined) return found;
    }
    if (tried >= tries) throw error;
    logger?.warn(`${operation} is tried again`, { tried, error: error.message });
  }
}
