import { isRunning, type JobRow, type JobText, type Spending } from '../../core/job.ts';
import type { RepositorySummary } from '../../core/repository-result.ts';
import { until } from './until.ts';

export type JobWithResults = JobRow &
  Partial<JobText> & { spending?: Spending; results: RepositorySummary[] };

/** An end stays, and each look costs milliseconds of CPU in the stack: rarer than `until` looks. */
const PACE = (waited: number) => Math.min(Math.max(50, waited / 6), 1000);

/**
 * Waits until the job's run has ended; returns it with at most `limit` of its repositories.
 * @param everyMs how often the API is asked. Each answer counts the job's rows, so a large job is asked rarely.
 */
export async function endOfJob(
  api: string,
  jobId: string,
  options: { limit?: number; everyMs?: number; withinMs?: number } = {},
): Promise<JobWithResults> {
  const { limit = 100, everyMs, withinMs } = options;
  const read = async (rows: number) => {
    const answer = await fetch(`${api}/jobs/${jobId}?limit=${rows}`);
    if (!answer.ok) throw new Error(`GET /jobs/${jobId} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as JobWithResults;
  };
  // Without its repositories, the job is one small read.
  const ended = async () => !isRunning((await read(0)).status);
  await until(`the end of ${jobId}`, ended, withinMs, everyMs ?? PACE);
  return read(limit);
}
