import { CodyBatchError } from '../core/errors.ts';
import { GitInterruptedError } from './checkout/git.ts';

/** What an AWS SDK's error says of itself. */
type ServiceError = {
  name?: string;
  message?: string;
  code?: unknown;
  $fault?: string;
  $retryable?: object;
  $metadata?: { httpStatusCode?: number };
};

/** In the code, or in the message where the SDK wrapped the error. */
const LOST_CONNECTION =
  /\b(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/;
const THROTTLED = /Thrott|TooManyRequests|ProvisionedThroughputExceeded|RequestLimitExceeded|SlowDown/;

/** Whether another attempt, on another host or later, may meet nothing of it: a service failed or was not reached. */
export function isServiceError(error: unknown): boolean {
  if (error instanceof CodyBatchError) return error.retryable;
  if (error instanceof GitInterruptedError) return true;
  const { name, message, code, $fault, $retryable, $metadata } = (error ?? {}) as ServiceError;
  return (
    $fault === 'server' ||
    $retryable !== undefined ||
    ($metadata?.httpStatusCode ?? 0) >= 500 ||
    LOST_CONNECTION.test(`${code} ${message}`) ||
    THROTTLED.test(name ?? '') ||
    name === 'TimeoutError'
  );
}
