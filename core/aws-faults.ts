/** The properties of an error of an AWS SDK; errors of the connection have those of Node.js. */
type SdkError = {
  name?: string;
  code?: string;
  $fault?: string;
  $metadata?: { httpStatusCode?: number };
};

/** The names that services of AWS give to errors of too many requests. */
export const THROTTLED = /Thrott|ThroughputExceeded|TooManyRequests|RequestLimit|SlowDown/;
/** Errors of Node.js: the connection was not made, or ended before the answer. */
export const LOST_CONNECTION =
  /\b(?:ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/;

/**
 * Whether an error is one of a service of AWS or of the connection to it, after the SDK's own retries: the same call may succeed
 * later.
 */
export function isTransientFault(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name = '', code = '', $fault, $metadata } = error as SdkError;
  // The body of an answer may break off behind the SDK, which then adds nothing to the error.
  if (LOST_CONNECTION.test(code)) return true;
  // Without credentials no call is made, now or later.
  if ($metadata === undefined || name === 'CredentialsProviderError') return false;
  const { httpStatusCode: status = 0 } = $metadata;
  if ($fault === 'client') return THROTTLED.test(name) || status === 429;
  // No answer at all, or one of a failing service.
  return status === 0 || status >= 500;
}
