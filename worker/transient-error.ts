import { LOST_CONNECTION, THROTTLED } from '../core/aws-faults.ts';
import { CodyBatchError } from '../core/errors.ts';
import { GitInterruptedError } from './checkout/git.ts';

/** The properties of an error of the AWS SDK. */
type SdkError = {
  name?: string;
  message?: string;
  code?: unknown;
  $fault?: string;
  $retryable?: object;
  $metadata?: { httpStatusCode?: number };
};

/** Whether another attempt, later or on another host, may succeed: a service failed or could not be reached. */
export function isTransientError(error: unknown): boolean {
  if (error instanceof CodyBatchError) return error.retryable;
  if (error instanceof GitInterruptedError) return true;
  const { name, message, code, $fault, $retryable, $metadata } = (error ?? {}) as SdkError;
  return (
    $fault === 'server' ||
    $retryable !== undefined ||
    ($metadata?.httpStatusCode ?? 0) >= 500 ||
    // The SDK has it in `code`, or in the message if it wraps the error.
    LOST_CONNECTION.test(`${code} ${message}`) ||
    THROTTLED.test(name ?? '') ||
    name === 'TimeoutError'
  );
}
