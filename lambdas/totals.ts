import { z } from 'zod';
import { artifactKeys } from '../core/artifacts.ts';
import type { PullRequestCounts, Status } from '../core/job.ts';
import type { JobTotals } from '../core/job-table.ts';
import type { RepositoryResult } from '../core/repository-result.ts';
import { countsOf } from '../core/repository-table.ts';
import { addCosts, addTokens, NO_TOKENS } from '../core/usage.ts';
import type { Storage } from './storage.ts';

type Ended = Pick<
  RepositoryResult,
  'repositoryName' | 'status' | 'run' | 'tokenUsage' | 'costUsd' | 'turns' | 'earlierRuns' | 'pullRequest'
>;

/** The names of a job's repositories; none before they are resolved. */
export async function repositoryNames(artifacts: Storage['artifacts'], jobId: string): Promise<string[]> {
  const body = await artifacts.read(artifactKeys.repositories(jobId));
  return body ? z.array(z.string()).parse(JSON.parse(body.toString())) : [];
}

/** What CompleteJob and FailJob read of every row: by the table, which one trusts, not by the index. */
export async function readRows({ artifacts, repositories }: Storage, jobId: string): Promise<Ended[]> {
  const names = await repositoryNames(artifacts, jobId);
  return repositories.getMany(jobId, names, [
    'repositoryName',
    'status',
    'run',
    'tokenUsage',
    'costUsd',
    'turns',
    'earlierRuns',
    'pullRequest',
  ]);
}

/**
 * The totals of a job whose repositories have all ended. One that the job names and that never came to have a row, as
 * when the job was cancelled before they were made, ended as the job did.
 */
export async function totalsOf(
  { artifacts, jobs }: Storage,
  jobId: string,
  rows: readonly Ended[],
  status: Status,
): Promise<JobTotals> {
  const names = await repositoryNames(artifacts, jobId);
  const named = names.length || (await jobs.get(jobId)).counts.total;
  const byStatus: Partial<Record<Status, number>> = { [status]: Math.max(0, named - rows.length) };
  let tokenUsage = NO_TOKENS;
  let costUsd: number | undefined = 0;
  for (const row of rows) {
    byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
    if (!row.tokenUsage || row.tokenUsage.total === 0) continue;
    tokenUsage = addTokens(tokenUsage, row.tokenUsage);
    costUsd = addCosts(costUsd, row.costUsd);
  }
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
