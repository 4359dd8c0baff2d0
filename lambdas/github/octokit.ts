import { retry } from '@octokit/plugin-retry';
import { throttling } from '@octokit/plugin-throttling';
import { Octokit } from '@octokit/rest';
import { fetchOnOneHost, misdirected } from '../../core/one-host-fetch.ts';
import type { Settings } from '../../core/settings.ts';
import { logger } from '../logger.ts';
import { statusOf } from './status-of.ts';

const USER_AGENT = 'cody-batch';
/** For one call; GitHub's own limit is 10 s. */
const CALL_TIMEOUT_MS = 30_000;
/** A function waits this long itself; longer waits are left to the state machine, where waiting is free. */
const MAX_SLEEP_SECONDS = 10;
/** Statuses that are not retried here; the caller handles 429 and a rate-limited 403. */
const FINAL_STATUSES = [400, 401, 403, 404, 409, 410, 421, 422, 429, 451];

const Client = Octokit.plugin(retry, throttling);

/** A client of GitHub's API. With GITHUB_THROTTLE, all clients of the same `pacer` in this process are throttled together. */
export function createOctokit(
  settings: Settings,
  token: string | undefined,
  { pacer }: { pacer?: string } = {},
): Octokit {
  const waitsHere = (seconds: number) => seconds <= MAX_SLEEP_SECONDS;
  const client = new Client({
    baseUrl: settings.GITHUB_API_URL,
    userAgent: USER_AGENT,
    auth: token,
    log: {
      debug: () => {},
      info: () => {},
      warn: (message: string) => logger.warn(message),
      // Called for every unsuccessful answer, even 304; the thrown error has the same message.
      error: () => {},
    },
    request: { fetch: fetchInTime(new URL(settings.GITHUB_API_URL).origin) },
    // Waits 1, 4 and 9 s between attempts.
    retry: { doNotRetry: FINAL_STATUSES },
    throttle: {
      enabled: settings.GITHUB_THROTTLE && pacer !== undefined,
      id: pacer ?? 'reading',
      onRateLimit: waitsHere,
      onSecondaryRateLimit: waitsHere,
    },
  });
  client.hook.error('request', (error) => {
    // The credential may have been rotated since it was read.
    const status = statusOf(error);
    if (status === 401 || status === 403) settings.forgetSecrets();
    throw error;
  });
  return client;
}

/** GitHub's answers contain URLs, such as the next page of a list; only URLs of GitHub's own origin get the credential. */
function fetchInTime(origin: string): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    if (url.origin !== origin) return misdirected(`${origin} refers to ${url.origin}`);
    return fetchOnOneHost(url, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
  };
}
