import { countsOf, type PullRequestCounts, type ReadStatus, type RevisionCounts } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { isModelPriced } from '../../core/settings.ts';
import type { JobTotals } from '../../core/store/job-table.ts';
import { addCosts, addTokens, NO_TOKENS } from '../../core/usage.ts';
import type { Context } from '../context.ts';
import type { JobRows } from './rows.ts';

/**
 * The totals of a job whose repositories have all ended. A repository without a row (the job was cancelled before rows
 * were created) counts with `status`, the status of the job.
 */
export async function totalsOf(
  jobId: string,
  { names, rows }: JobRows,
  status: ReadStatus,
  { jobs, settings }: Pick<Context, 'jobs' | 'settings'>,
): Promise<JobTotals> {
  const job = await jobs.get(jobId);
  const total = names.length || job.counts.total;
  const byStatus: Partial<Record<ReadStatus, number>> = { [status]: Math.max(0, total - rows.length) };
  let tokenUsage = NO_TOKENS;
  let costUsd: number | undefined = 0;
  for (const row of rows) {
    byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
    if (!row.tokenUsage || row.tokenUsage.total === 0) continue;
    tokenUsage = addTokens(tokenUsage, row.tokenUsage);
    costUsd = addCosts(costUsd, row.costUsd);
  }
  // The cost of a model without a known price is unknown, not zero.
  if (tokenUsage.total === 0 && !isModelPriced(job.settings.model, settings)) costUsd = undefined;
  const revisions = job.action === 'revise' ? revisionCounts(rows, job.run) : undefined;
  return {
    counts: countsOf(byStatus),
    tokenUsage,
    costUsd,
    pullRequests: pullRequestCounts(rows),
    revisions,
  };
}

function revisionCounts(
  rows: readonly Pick<RepositoryResult, 'revision'>[],
  run: number | undefined,
): RevisionCounts {
  const counts = { replaced: 0, same: 0, kept: 0, notStarted: 0 };
  for (const { revision } of rows) if (revision?.run === run) counts[revision!.cameTo] += 1;
  return counts;
}

/** Returns undefined if no row has a pull request. */
function pullRequestCounts(
  rows: readonly Pick<RepositoryResult, 'pullRequest'>[],
): PullRequestCounts | undefined {
  const counts = { open: 0, merged: 0, closed: 0, failed: 0 };
  for (const { pullRequest } of rows) if (pullRequest) counts[pullRequest.state] += 1;
  return Object.values(counts).some((count) => count > 0) ? counts : undefined;
}
