import type { Job } from '../../api/types.ts';
import { quantile } from '../job/rows.ts';

export type Estimate = { jobs: number; medianUsd: number; highUsd: number };

/** The cost of a repository in ended jobs of this type and model; undefined if none has a known price. */
export function estimateOf(jobs: readonly Job[], type: string, model: string): Estimate | undefined {
  const costs = jobs
    .filter((job) => job.type === type && job.settings.model === model && job.counts.completed > 0)
    .flatMap((job) => (job.costUsd === undefined ? [] : [job.costUsd / job.counts.completed]));
  const medianUsd = quantile(costs, 0.5);
  const highUsd = quantile(costs, 0.9);
  if (medianUsd === undefined || highUsd === undefined) return undefined;
  return { jobs: costs.length, medianUsd, highUsd };
}
