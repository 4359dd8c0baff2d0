import { createHash } from 'node:crypto';
import { Octokit } from '@octokit/rest';
import type { Settings } from '../../core/settings.ts';
import { logger } from '../logger.ts';

const USER_AGENT = 'cody-batch';
/** One call of GitHub's API; its own limit is 10 s. */
const CALL_TIMEOUT_MS = 30_000;

/** GitHub with the credential that may write; only OpenPullRequest uses it. */
export async function openGitHub(settings: Settings): Promise<Octokit> {
  return client(settings, await settings.secret('GITHUB_WRITE_TOKEN'));
}

/** `owner/name` of every repository of an owner that the read token can see, archived and disabled ones left out. */
export async function* listRepositories(settings: Settings, owner: string): AsyncGenerator<string> {
  const github = client(settings, await settings.secret('GITHUB_TOKEN'));
  const { data: account } = await github.rest.users.getByUsername({ username: owner });
  const pages =
    account.type === 'Organization'
      ? github.paginate.iterator(github.rest.repos.listForOrg, { org: owner, per_page: 100 })
      : github.paginate.iterator(github.rest.repos.listForUser, { username: owner, per_page: 100 });
  for await (const { data } of pages) {
    for (const repository of data)
      if (!repository.archived && !repository.disabled) yield repository.full_name;
  }
}

/** Names the credential that pull requests are paced by, without showing it. */
export async function credentialId(settings: Settings): Promise<string> {
  const token = (await settings.secret('GITHUB_WRITE_TOKEN')) ?? '';
  return createHash('sha256').update(`${settings.GITHUB_API_URL} ${token}`).digest('hex').slice(0, 16);
}

/**
 * Until when (ISO 8601) GitHub refuses calls because there were too many; undefined for any other error. GitHub says
 * it by 429 or 403 with `retry-after` (seconds) or with `x-ratelimit-remaining: 0` and `x-ratelimit-reset` (epoch s).
 */
export function rateLimitedUntil(error: unknown, nowMs: number): string | undefined {
  const { status, response } = error as {
    status?: number;
    response?: { headers?: Record<string, string | undefined> };
  };
  if (status !== 429 && status !== 403) return undefined;
  const headers = response?.headers ?? {};
  if (headers['retry-after']) return new Date(nowMs + Number(headers['retry-after']) * 1000).toISOString();
  if (headers['x-ratelimit-remaining'] === '0')
    return new Date(Number(headers['x-ratelimit-reset']) * 1000).toISOString();
  return status === 429 ? new Date(nowMs + 60_000).toISOString() : undefined;
}

function client(settings: Settings, token: string | undefined): Octokit {
  return new Octokit({
    baseUrl: settings.GITHUB_API_URL,
    userAgent: USER_AGENT,
    ...(token && { auth: token }),
    log: {
      debug: () => {},
      info: () => {},
      warn: (message: string) => logger.warn(message),
      error: (message: string) => logger.error(message),
    },
    request: {
      fetch: (url: string, init: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) }),
    },
  });
}
