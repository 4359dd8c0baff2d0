import { isTransientFault } from '../../core/aws-faults.ts';
import { CodyBatchError } from '../../core/errors.ts';
import { rateLimitedUntil } from '../github/rate-limit.ts';
import { statusOf } from '../github/status-of.ts';

/** A throttled table and a service that is starting again take seconds; a poll of the page comes as often. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The seconds after which a request may be sent again that failed because a service behind the API fails for now: AWS, after the
 * retries of its SDK, or GitHub. Undefined for any other error.
 */
export function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof CodyBatchError) return error.retryable ? RETRY_AFTER_SECONDS : undefined;
  if (isTransientFault(error)) return RETRY_AFTER_SECONDS;
  const now = Date.now();
  const until = rateLimitedUntil(error, now);
  if (until !== undefined) return Math.max(1, Math.ceil((until - now) / 1000));
  return (statusOf(error) ?? 0) >= 500 ? RETRY_AFTER_SECONDS : undefined;
}
