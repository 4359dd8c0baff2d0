import { retry } from '@octokit/plugin-retry';
import { throttling } from '@octokit/plugin-throttling';
import { Octokit } from '@octokit/rest';
import { fetchOnOneHost, misdirected } from '../../core/one-host-fetch.ts';
import type { Settings } from '../../core/settings.ts';
import { logger } from '../logger.ts';

const USER_AGENT = 'cody-batch';
/** One call of GitHub's API; its own limit is 10 s. */
const CALL_TIMEOUT_MS = 30_000;
/** What a function waits by itself; for longer it hands the wait to the state machine, where waiting is free. */
const MAX_SLEEP_SECONDS = 10;
/** No second attempt changes these; 429 and a limited 403 are told to whoever asked. */
const FINAL_STATUSES = [400, 401, 403, 404, 409, 410, 421, 422, 429, 451];

const Client = Octokit.plugin(retry, throttling);

/** GitHub's API. `pacer` names whose calls keep their distance from each other, where GITHUB_THROTTLE asks for it. */
export function createOctokit(
  settings: Settings,
  token: string | undefined,
  { pacer }: { pacer?: string } = {},
): Octokit {
  const waitsHere = (seconds: number) => seconds <= MAX_SLEEP_SECONDS;
  const client = new Client({
    baseUrl: settings.GITHUB_API_URL,
    userAgent: USER_AGENT,
    ...(token && { auth: token }),
    log: {
      debug: () => {},
      info: () => {},
      warn: (message: string) => logger.warn(message),
      // Of every answer that is no success, 304 included; what is thrown says it too.
      error: () => {},
    },
    request: { fetch: fetchInTime(new URL(settings.GITHUB_API_URL).origin) },
    // 1, 4 and 9 s between attempts.
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
    const { status } = error as { status?: number };
    if (status === 401 || status === 403) settings.forgetSecrets();
    throw error;
  });
  return client;
}

/** GitHub's answers name addresses too (the next page of a list), which get the credential only where they are its own. */
function fetchInTime(origin: string): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    if (url.origin !== origin) return misdirected(`${origin} names an address of ${url.origin}`);
    return fetchOnOneHost(url, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
  };
}
