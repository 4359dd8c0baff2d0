import type { Counts } from '../../core/job.ts';
import type { RepositorySummary } from '../../core/repository-result.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { ApiClient, ShownJob } from '../connect/api-client.ts';

/** What is shown of a job while it runs. */
export type JobState = {
  job: ShownJob;
  /** Some of the repositories that are worked on. */
  running: RepositorySummary[];
  /** How many have failed in which way, most first. */
  failures: { reason: string; count: number }[];
};

/** Up to so many repositories, their summaries are one page of the API. */
const ONE_PAGE = 200;
/** More do not fit on a terminal. */
const MAX_RUNNING = 8;

/** Reads a job, and with `detail` what its repositories do, at a cost that does not grow with their number. */
export async function readState(api: ApiClient, jobId: string, detail: boolean): Promise<JobState> {
  if (!detail) return { job: await api.getJob(jobId), running: [], failures: [] };
  const { results, ...job } = await api.getPage(jobId, ONE_PAGE);
  if (job.counts.total <= ONE_PAGE) {
    const running = results.filter(({ status }) => status === 'processing');
    return { job, running, failures: failuresOf(results) };
  }
  const rows = await api.getRows(jobId);
  const names = rows.filter(({ status }) => status === 'processing').slice(0, MAX_RUNNING);
  const running = await Promise.all(names.map(({ repositoryName }) => api.getResult(jobId, repositoryName)));
  return { job, running, failures: failuresOf(rows) };
}

function failuresOf(rows: readonly (RepositorySummary | SummaryRow)[]): JobState['failures'] {
  const failed = rows.filter(({ status }) => status === 'failed');
  return [...Map.groupBy(failed, reasonOf)]
    .map(([reason, same]) => ({ reason, count: same.length }))
    .sort((a, b) => b.count - a.count);
}

/** The shape of an error begins with the version of its rules. */
function reasonOf({ errorShape, end, outcome }: RepositorySummary | SummaryRow): string {
  return errorShape?.replace(/^\d+:/, '') ?? end ?? outcome ?? 'failed';
}

export function endedOf({ completed, failed, cancelled }: Counts): number {
  return completed + failed + cancelled;
}
