import { isRunning, type JobRow, type JobText, type Spending } from '../../core/job.ts';
import type { RepositorySummary } from '../../core/repository-result.ts';
import { until } from './until.ts';

export type JobWithResults = JobRow &
  Partial<JobText> & { spending?: Spending; results: RepositorySummary[] };

/** An end stays, and each look costs several milliseconds of CPU: rarer than `until` looks. */
const PACE = (waited: number) => Math.min(Math.max(50, waited / 8), 500);

/**
 * Waits until the job's run has ended; returns it with at most `limit` of its repositories.
 * @param everyMs how often the API is asked. Each answer counts the job's rows, so a large job is asked rarely.
 */
export function endOfJob(
  api: string,
  jobId: string,
  options: { limit?: number; everyMs?: number; withinMs?: number } = {},
): Promise<JobWithResults> {
  const { limit = 100, everyMs, withinMs } = options;
  const look = async () => {
    const answer = await fetch(`${api}/jobs/${jobId}?limit=${limit}`);
    if (!answer.ok) throw new Error(`GET /jobs/${jobId} answered ${answer.status}: ${await answer.text()}`);
    const job = (await answer.json()) as JobWithResults;
    return isRunning(job.status) ? undefined : job;
  };
  return until(`the end of ${jobId}`, look, withinMs, everyMs ?? PACE);
}
