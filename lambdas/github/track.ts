import type { Octokit } from '@octokit/rest';
import type { ChecksState, PullRequestRecord, RepositoryResult } from '../../core/repository-result.ts';
import type { Repository } from './base.ts';
import { pullRequestOf } from './pull-request.ts';
import { rateLimitedUntil } from './rate-limit.ts';

export type Tracked = Pick<RepositoryResult, 'repositoryName' | 'pullRequestNumber' | 'pullRequest'>;

/** The name of the error of a pull request that GitHub did not show; gone once it does. */
export const NOT_SEEN = 'PullRequestNotSeenError';

/** Ends of a check that ask for somebody's attention; the others (success, neutral, skipped) do not. */
const FAILING = new Set(['failure', 'cancelled', 'timed_out', 'action_required', 'startup_failure', 'stale']);

/**
 * What GitHub says of a pull request now. Asks with the ETags of its last answers: where nothing has changed GitHub
 * answers 304, which does not count against the limit. One call, and one more for the checks of one that is open.
 */
export async function trackPullRequest(
  github: Octokit,
  row: Tracked,
  at: string,
): Promise<PullRequestRecord> {
  const before = row.pullRequest!;
  const [owner, repo] = (before.renamedTo ?? row.repositoryName).split('/') as [string, string];
  const pull_number = row.pullRequestNumber!;
  const { etags } = before;
  const answer = await unlessUnchanged(etags?.pull, (headers) =>
    github.rest.pulls.get({ owner, repo, pull_number, headers }),
  );
  const now = answer && pullRequestOf(answer.data, owner);
  const state = now?.state ?? before.state;
  const record: PullRequestRecord = {
    ...before,
    state,
    draft: now?.draft ?? before.draft,
    mergedAt: now?.mergedAt ?? before.mergedAt,
    headSha: answer?.data.head.sha ?? before.headSha,
    checkedAt: at,
    etags: withEtag(etags, 'pull', answer?.headers.etag),
    error: before.error?.name === NOT_SEEN ? undefined : before.error,
  };
  return state === 'open' ? withChecks(github, { owner, repo }, record) : record;
}

/** As it was where GitHub has nothing new, or the credential may not read checks. */
async function withChecks(
  github: Octokit,
  { owner, repo }: Repository,
  record: PullRequestRecord,
): Promise<PullRequestRecord> {
  const { headSha, etags } = record;
  if (!headSha) return record;
  const request = { owner, repo, ref: headSha, per_page: 100 };
  try {
    const answer = await unlessUnchanged(etags?.checks, (headers) =>
      github.rest.checks.listForRef({ ...request, headers }),
    );
    if (!answer) return record;
    const checks = checksOf(answer.data.check_runs);
    return { ...record, checks, etags: withEtag(etags, 'checks', answer.headers.etag) };
  } catch (error) {
    const { status = 0 } = error as { status?: number };
    const mayNotRead = (status === 403 || status === 404) && rateLimitedUntil(error, 0) === undefined;
    if (mayNotRead) return record;
    throw error;
  }
}

function withEtag(etags: PullRequestRecord['etags'], of: 'pull' | 'checks', etag: string | undefined) {
  return etag ? { ...etags, [of]: etag } : etags;
}

/** Undefined for 304. */
async function unlessUnchanged<T>(
  etag: string | undefined,
  ask: (headers: Record<string, string>) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await ask(etag ? { 'if-none-match': etag } : {});
  } catch (error) {
    if ((error as { status?: number }).status === 304) return undefined;
    throw error;
  }
}

function checksOf(runs: readonly { status: string; conclusion: string | null }[]): ChecksState {
  if (runs.length === 0) return 'none';
  if (runs.some(({ conclusion }) => FAILING.has(conclusion ?? ''))) return 'failing';
  return runs.every(({ status }) => status === 'completed') ? 'passing' : 'pending';
}
