import { isRunning } from '../../api/polling.ts';
import type { JobPage } from '../../api/types.ts';

/** Fewer ended repositories than these say nothing about the rest. */
const MIN_ENDED = 3;

/** When a running job ends and what it costs, if the rest goes as its ended part; undefined if that cannot be said. */
export function forecast(job: JobPage, now: number): { ms: number; costUsd: number | undefined } | undefined {
  const { counts, startedAt, spending } = job;
  const ended = counts.completed + counts.failed + counts.cancelled;
  if (!isRunning(job) || !startedAt || ended < MIN_ENDED || ended === counts.total) return undefined;
  const ms = ((now - Date.parse(startedAt)) / ended) * (counts.total - ended);
  const costUsd =
    spending &&
    Math.min(job.maxCostUsd, (spending.settledUsd / (ended + counts.processing / 2)) * counts.total);
  return { ms, costUsd };
}
