import type { ChecksState, PullRequestRecord } from '../../core/repository-result.ts';
import type { PullRequestAnswer, RollupState, Seen } from './graphql.ts';

/** The name of the error of a pull request that GitHub did not show; gone once it does. */
export const NOT_SEEN = 'PullRequestNotSeenError';

/** No end: a credential that sees less for an hour closes nothing. */
const GONE = {
  name: NOT_SEEN,
  message:
    'GitHub has no such pull request any more, or the credential may not see it: the repository was deleted, or its access was taken back.',
};

const CHECKS: Readonly<Record<RollupState, ChecksState>> = {
  SUCCESS: 'passing',
  FAILURE: 'failing',
  ERROR: 'failing',
  PENDING: 'pending',
  EXPECTED: 'pending',
};

const STATES = { OPEN: 'open', CLOSED: 'closed', MERGED: 'merged' } as const;

/** The record of a pull request with what GitHub says of it now. */
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
    checkedAt: at,
    // Of one that has ended nobody waits for them.
    ...(now.state === 'OPEN' && checks && { checks }),
    error: before.error?.name === NOT_SEEN ? undefined : before.error,
  };
}

/** Undefined where the credential may not read them. */
function checksOf({ commits: { nodes } }: PullRequestAnswer): ChecksState | undefined {
  const newest = nodes?.[0];
  if (!newest) return undefined;
  const rollup = newest.commit.statusCheckRollup;
  return rollup ? CHECKS[rollup.state] : 'none';
}
