import type { Job } from './job.ts';
import type { ListJobsRequest } from './requests.ts';

export type JobPage = { jobs: Job[]; nextToken: string | undefined };

/**
 * Returns one page of `newestFirst` by the rules of ListJobs: with a filter, jobStatus is ignored and a page has at most
 * 100 jobs; otherwise a page has at most 1,000, and jobStatus defaults to RUNNING.
 * https://docs.aws.amazon.com/batch/latest/APIReference/API_ListJobs.html
 */
export function pageOfJobs(newestFirst: readonly Job[], request: ListJobsRequest): JobPage {
  const names = request.filters?.[0]?.values;
  const matches = names
    ? (job: Job) => names.some((pattern) => isNameMatch(pattern, job.jobName))
    : (job: Job) => job.status === (request.jobStatus ?? 'RUNNING');
  // A page continues below the last sequence, so that jobs submitted between two requests do not shift it.
  const below = request.nextToken === undefined ? Number.POSITIVE_INFINITY : Number(request.nextToken);
  const size = Math.min(request.maxResults ?? Number.POSITIVE_INFINITY, names ? 100 : 1000);

  const jobs: Job[] = [];
  for (const job of newestFirst) {
    if (job.sequence >= below || !matches(job)) continue;
    if (jobs.length === size) return { jobs, nextToken: String(jobs.at(-1)!.sequence) };
    jobs.push(job);
  }
  return { jobs, nextToken: undefined };
}

/** The JOB_NAME filter ignores case. A pattern that ends in `*` is a prefix. */
function isNameMatch(pattern: string, jobName: string): boolean {
  const wanted = pattern.toLowerCase();
  const name = jobName.toLowerCase();
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}
