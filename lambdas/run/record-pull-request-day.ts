import type { JobRow, PullRequestCounts } from '../../core/job.ts';
import type { PullRequestDay } from '../../core/pull-request-day.ts';
import type { PullRequestRecord } from '../../core/repository-result.ts';
import type { Context } from '../context.ts';

/**
 * Records how the pull requests of a job fare today, if that has changed. `counts` come from the index and `tracked` are the
 * ones that were just looked at, so they may differ for a moment; the next invocation records what is right.
 */
export async function recordPullRequestDay(
  { jobId, expiresAt }: Pick<JobRow, 'jobId' | 'expiresAt'>,
  counts: PullRequestCounts,
  tracked: readonly PullRequestRecord[],
  { pullRequestHistory, jobs, now }: Pick<Context, 'pullRequestHistory' | 'jobs' | 'now'>,
): Promise<void> {
  const open = tracked.filter(({ state }) => state === 'open');
  const withChecks = (checks: PullRequestRecord['checks']) =>
    open.filter((record) => record.checks === checks).length;
  const today: PullRequestDay = {
    day: now().slice(0, 10),
    ...counts,
    green: withChecks('passing'),
    red: withChecks('failing'),
    pending: withChecks('pending'),
  };
  const before = await pullRequestHistory.newest(jobId);
  if (before && isSame(before, today)) return;
  await pullRequestHistory.put(jobId, today, now(), expiresAt);
  // The job may have been deleted since it was listed.
  if (!(await jobs.find(jobId))) await pullRequestHistory.remove(jobId, today.day);
}

function isSame({ day: _, ...one }: PullRequestDay, { day: __, ...other }: PullRequestDay): boolean {
  return (Object.keys(one) as (keyof typeof one)[]).every((name) => one[name] === other[name]);
}
