import type { ChecksState, PullRequestRecord } from '../../core/repository-result.ts';
import { FAILED_CONCLUSIONS, FAILED_STATES } from './findings.ts';
import type { CheckContext, PullRequestAnswer, RollupState, Seen } from './graphql.ts';

const MAX_CHECKS = 10;
const MAX_CHECK_NAME = 200;

/** The error of a pull request that GitHub did not return; removed once GitHub returns it. */
export const NOT_SEEN = 'PullRequestNotSeenError';

/** The state stays as it was: a credential may lose access for an hour only. */
const GONE = {
  name: NOT_SEEN,
  message:
    'GitHub did not return the pull request. The repository was deleted, or the credential lost access to it. Give the credential access; the state shown is the last one known.',
};

const CHECKS: Readonly<Record<RollupState, ChecksState>> = {
  SUCCESS: 'passing',
  FAILURE: 'failing',
  ERROR: 'failing',
  PENDING: 'pending',
  EXPECTED: 'pending',
};

const METHODS = { MERGE: 'merge', SQUASH: 'squash', REBASE: 'rebase' } as const;

const STATES = { OPEN: 'open', CLOSED: 'closed', MERGED: 'merged' } as const;

/** The record of a pull request, updated by GitHub's answer. */
export function trackedRecord(
  before: PullRequestRecord,
  seen: Seen | undefined,
  at: string,
): PullRequestRecord {
  const now = seen?.pullRequest;
  if (!now) return { ...before, checkedAt: at, error: GONE };
  const checks = checksOf(now);
  return {
    ...before,
    state: STATES[now.state],
    draft: now.isDraft,
    ...(now.mergedAt && { mergedAt: now.mergedAt }),
    headSha: now.headRefOid,
    ...commentedAt(now),
    autoMerge:
      now.state === 'OPEN' && now.autoMergeRequest ? METHODS[now.autoMergeRequest.mergeMethod] : undefined,
    checkedAt: at,
    // The checks of a closed pull request no longer matter.
    ...(now.state === 'OPEN' && checks && { checks }),
    failing: now.state === 'OPEN' && checks === 'failing' ? failingOf(now) : undefined,
    error: before.error?.name === NOT_SEEN ? undefined : before.error,
  };
}

function commentedAt({ comments, reviews }: PullRequestAnswer): Pick<PullRequestRecord, 'commentedAt'> {
  const times = [comments.nodes?.[0]?.createdAt, reviews.nodes?.[0]?.submittedAt];
  const newest = times
    .flatMap((time) => time ?? [])
    .sort()
    .at(-1);
  return newest === undefined ? {} : { commentedAt: newest };
}

/** Returns undefined if the credential may not read checks. */
function checksOf({ commits: { nodes } }: PullRequestAnswer): ChecksState | undefined {
  const newest = nodes?.[0];
  if (!newest) return undefined;
  const rollup = newest.commit.statusCheckRollup;
  return rollup ? CHECKS[rollup.state] : 'none';
}

/** The checks that fail, by name and each once. */
function failingOf({ commits: { nodes } }: PullRequestAnswer): string[] | undefined {
  const contexts = nodes?.[0]?.commit.statusCheckRollup?.contexts.nodes ?? [];
  const names = contexts.flatMap((one) => (one && isFailedCheck(one) ? [checkName(one)] : []));
  const distinct = [...new Set(names.map((name) => name.slice(0, MAX_CHECK_NAME)))].sort();
  return distinct.length > 0 ? distinct.slice(0, MAX_CHECKS) : undefined;
}

function checkName(one: CheckContext): string {
  return one.__typename === 'CheckRun' ? one.name : one.context;
}

function isFailedCheck(one: CheckContext): boolean {
  return one.__typename === 'CheckRun'
    ? FAILED_CONCLUSIONS.has(one.conclusion ?? '')
    : FAILED_STATES.has(one.state);
}
