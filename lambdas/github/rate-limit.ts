import { statusOf } from './status-of.ts';

/** The wait that GitHub's documentation advises after a secondary limit without a `retry-after`. */
const DEFAULT_WAIT_MS = 60_000;
/** `x-ratelimit-reset` is in whole seconds. */
const MARGIN_MS = 1000;
/** GitHub's limits reset hourly. A wrong header must not hold up all pull requests of the credential for longer. */
const MAX_WAIT_MS = 24 * 3600 * 1000;

/**
 * The end of GitHub's rate limit in epoch milliseconds; undefined for any other error. A rate-limited answer is 429 or
 * 403 with `retry-after` (seconds), with `x-ratelimit-remaining: 0` and `x-ratelimit-reset` (epoch seconds), or with a
 * message only: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export function rateLimitedUntil(error: unknown, nowMs: number): number | undefined {
  const status = statusOf(error);
  if (status !== 429 && status !== 403) return undefined;
  const { message, response } = error as {
    message?: string;
    response?: { headers?: Record<string, string | number | undefined> };
  };
  const headers = response?.headers ?? {};
  const retryAfter = Number(headers['retry-after']);
  if (retryAfter > 0) return nowMs + Math.min(MAX_WAIT_MS, retryAfter * 1000);
  const reset = Number(headers['x-ratelimit-reset']);
  if (String(headers['x-ratelimit-remaining']) === '0' && reset > 0) {
    // The reset is a time of GitHub's clock, which may differ from this one.
    const gitHubNowMs = Date.parse(String(headers.date)) || nowMs;
    return nowMs + Math.min(MAX_WAIT_MS, Math.max(0, reset * 1000 - gitHubNowMs)) + MARGIN_MS;
  }
  const isLimited = status === 429 || /rate limit|abuse detection/i.test(message ?? '');
  return isLimited ? nowMs + DEFAULT_WAIT_MS : undefined;
}
