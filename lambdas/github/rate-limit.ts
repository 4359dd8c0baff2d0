/** GitHub says how long a secondary limit holds; where it does not, a minute is what its documentation advises. */
const UNSAID_MS = 60_000;
/** After `x-ratelimit-reset`, which is in whole seconds. */
const MARGIN_MS = 1000;
/** GitHub's limits are of an hour. All pull requests of the credential wait, so a wrong header may not hold them longer. */
const LONGEST_MS = 24 * 3600 * 1000;

/**
 * Until when (epoch milliseconds) GitHub refuses calls because there were too many; undefined for any other error. It
 * says so by 429 or 403, with `retry-after` (seconds), with `x-ratelimit-remaining: 0` and `x-ratelimit-reset` (epoch
 * seconds), or in words only: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export function rateLimitedUntil(error: unknown, nowMs: number): number | undefined {
  const { status, message, response } = error as {
    status?: number;
    message?: string;
    response?: { headers?: Record<string, string | number | undefined> };
  };
  if (status !== 429 && status !== 403) return undefined;
  const headers = response?.headers ?? {};
  const retryAfter = Number(headers['retry-after']);
  if (retryAfter > 0) return nowMs + Math.min(LONGEST_MS, retryAfter * 1000);
  const reset = Number(headers['x-ratelimit-reset']);
  if (String(headers['x-ratelimit-remaining']) === '0' && reset > 0) {
    // By GitHub's own clock, which need not be ours.
    const theirs = Date.parse(String(headers.date)) || nowMs;
    return nowMs + Math.min(LONGEST_MS, Math.max(0, reset * 1000 - theirs)) + MARGIN_MS;
  }
  return status === 429 || /rate limit|abuse detection/i.test(message ?? '') ? nowMs + UNSAID_MS : undefined;
}
