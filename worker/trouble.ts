import { CodyBatchError } from '../core/errors.ts';

/** What an AWS SDK's error says of itself. */
type ServiceError = {
  code?: unknown;
  $fault?: string;
  $retryable?: object;
  $metadata?: { httpStatusCode?: number };
};

const LOST_CONNECTION =
  /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;
const THROTTLED = /Thrott|TooManyRequests|ProvisionedThroughputExceeded|RequestLimitExceeded|SlowDown/;

/** Whether another attempt, on another host or later, may meet nothing of it: a service failed or was not reached. */
export function isTrouble(error: unknown): boolean {
  if (error instanceof CodyBatchError) return error.retryable;
  if (!(error instanceof Error)) return false;
  const { code, $fault, $retryable, $metadata } = error as ServiceError;
  return (
    $fault === 'server' ||
    $retryable !== undefined ||
    ($metadata?.httpStatusCode ?? 0) >= 500 ||
    (typeof code === 'string' && LOST_CONNECTION.test(code)) ||
    THROTTLED.test(error.name) ||
    error.name === 'TimeoutError'
  );
}
