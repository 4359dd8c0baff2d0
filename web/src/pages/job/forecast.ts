import { isRunning } from '../../api/polling.ts';
import type { JobPage } from '../../api/types.ts';
import type { Row } from './rows.ts';

/** Fewer ended repositories than these say nothing about the rest. */
const MIN_ENDED = 3;

/** When a running job ends and what it costs, if the rest goes as its ended part; undefined if that cannot be said. */
export function forecast(
  job: JobPage,
  rows: readonly Row[] | undefined,
  now: number,
): { ms: number; costUsd: number | undefined } | undefined {
  const { counts, startedAt, spending } = job;
  const ended = counts.completed + counts.failed + counts.cancelled;
  if (!isRunning(job) || !startedAt || ended < MIN_ENDED || ended === counts.total) return undefined;
  const ms = ((now - Date.parse(startedAt)) / ended) * (counts.total - ended);
  const costs = (rows ?? []).flatMap(({ costUsd, completedAt }) => (completedAt ? (costUsd ?? []) : []));
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  // What has been spent may be more, by what runs or by an earlier run.
  const costUsd =
    spending && costs.length > 0
      ? Math.min(job.maxCostUsd, Math.max(spending.settledUsd, mean * counts.total))
      : undefined;
  return { ms, costUsd };
}
