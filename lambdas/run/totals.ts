import { z } from 'zod';
import { type PullRequestCounts, type ReadStatus, RepositoryName } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { isModelPriced } from '../../core/settings.ts';
import { artifactKeys, findArtifact } from '../../core/store/artifacts.ts';
import type { JobTotals } from '../../core/store/job-table.ts';
import { countsOf } from '../../core/store/repository-table.ts';
import type { Readable } from '../../core/store/stored.ts';
import { addCosts, addTokens, NO_TOKENS } from '../../core/usage.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';

const ROW_OF_A_TOTAL = [
  ...(['repositoryName', 'status', 'run', 'tokenUsage', 'costUsd', 'turns'] as const),
  ...(['attempts', 'earlierRuns', 'pullRequest', 'expiresAt'] as const),
] satisfies (keyof RepositoryResult)[];

export type CountedRow = Readable<Pick<RepositoryResult, (typeof ROW_OF_A_TOTAL)[number]>>;

/**
 * The names of a job's repositories; none before they are resolved. Where the list of them is gone or damaged, those that
 * have rows.
 */
export async function repositoryNames(
  { artifacts, repositories }: Pick<Context, 'artifacts' | 'repositories'>,
  jobId: string,
): Promise<string[]> {
  const names = await findArtifact(
    artifacts,
    artifactKeys.repositories(jobId),
    z.array(RepositoryName),
    setAside,
  );
  return names ? [...new Set(names)] : repositories.listNames(jobId);
}

/** What CompleteJob and FailJob read of every row: by the table, which one trusts, not by the index. */
export async function readRows(context: Context, jobId: string): Promise<CountedRow[]> {
  const names = await repositoryNames(context, jobId);
  return context.repositories.getMany(jobId, names, ROW_OF_A_TOTAL);
}

/**
 * The totals of a job whose repositories have all ended. One that the job names and that never came to have a row, as
 * when the job was cancelled before they were made, ended as the job did.
 */
export async function totalsOf(
  context: Context,
  jobId: string,
  rows: readonly CountedRow[],
  status: ReadStatus,
): Promise<JobTotals> {
  const names = await repositoryNames(context, jobId);
  const job = await context.jobs.get(jobId);
  const named = names.length || job.counts.total;
  const byStatus: Partial<Record<ReadStatus, number>> = { [status]: Math.max(0, named - rows.length) };
  let tokenUsage = NO_TOKENS;
  let costUsd: number | undefined = 0;
  for (const row of rows) {
    byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
    if (!row.tokenUsage || row.tokenUsage.total === 0) continue;
    tokenUsage = addTokens(tokenUsage, row.tokenUsage);
    costUsd = addCosts(costUsd, row.costUsd);
  }
  // Zero would read as the price of a model that has none.
  if (tokenUsage.total === 0 && !isModelPriced(job.settings.model, context.settings)) costUsd = undefined;
  return { counts: countsOf(byStatus), tokenUsage, costUsd, pullRequests: pullRequestCounts(rows) };
}

/** Undefined where no pull request was ever tried. */
export function pullRequestCounts(
  rows: readonly Pick<RepositoryResult, 'pullRequest'>[],
): PullRequestCounts | undefined {
  const counts = { open: 0, merged: 0, closed: 0, failed: 0 };
  for (const { pullRequest } of rows) if (pullRequest) counts[pullRequest.state] += 1;
  return Object.values(counts).some((count) => count > 0) ? counts : undefined;
}
