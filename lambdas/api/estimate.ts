import type { Estimate } from '../../core/choice.ts';
import { isEnded, type JobRow } from '../../core/job.ts';
import type { Context } from '../context.ts';

/** The most repositories of earlier jobs that an estimate stands on. */
const MAX_REPOSITORIES = 2000;
const JOBS_AT_ONCE = 50;
const PAGES = 4;

/**
 * What a job of `count` repositories may cost, by what each repository of the newest ended jobs of the same type and model
 * has cost. Returns undefined if there is none.
 */
export async function estimateOf(
  { type, settings: { model } }: JobRow,
  count: number,
  { jobs, repositoryIndex }: Context,
): Promise<Estimate | undefined> {
  const costs: number[] = [];
  let standing = 0;
  let cursor: string | undefined;
  for (let page = 0; page < PAGES && costs.length < MAX_REPOSITORIES; page += 1) {
    const list: Awaited<ReturnType<typeof jobs.list>> = await jobs.list({
      type,
      limit: JOBS_AT_ONCE,
      cursor,
    });
    for (const { jobId, status, settings, tokenUsage } of list.jobs) {
      const isLike = isEnded(status) && settings.model === model && tokenUsage.total > 0;
      if (!isLike || costs.length >= MAX_REPOSITORIES) continue;
      const before = costs.length;
      for await (const rows of repositoryIndex.rowPages(jobId))
        for (const { costUsd } of rows) if (costUsd) costs.push(costUsd);
      if (costs.length > before) standing += 1;
    }
    cursor = list.cursor;
    if (cursor === undefined) break;
  }
  if (costs.length === 0) return undefined;
  const sorted = costs.toSorted((a, b) => a - b);
  const [median, p90] = [quantile(sorted, 0.5), quantile(sorted, 0.9)];
  return {
    perRepositoryUsd: { median: rounded(median), p90: rounded(p90) },
    totalUsd: { median: rounded(median * count), p90: rounded(p90 * count) },
    standsOn: { jobs: standing, repositories: costs.length },
  };
}

/** The value below which this part of the sorted values lies, between two of them if need be. */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
}

function rounded(usd: number): number {
  return Number(usd.toFixed(6));
}
