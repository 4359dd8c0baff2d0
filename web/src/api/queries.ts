import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, pathOf } from './client.ts';
import { isRunning, jobInterval, rowsInterval } from './polling.ts';
import type {
  Execution,
  Health,
  JobList,
  JobPage,
  ListedPullRequest,
  Me,
  PullRequestHistory,
  ReviewList,
  Rows,
  RunList,
  Totals,
} from './types.ts';

export type JobFilter = { status?: string; type?: string; text?: string; from?: string; to?: string };

export const jobsQuery = (filter: JobFilter) =>
  infiniteQueryOptions({
    queryKey: ['jobs', filter],
    queryFn: ({ pageParam, signal }) =>
      get<JobList>(pathOf('/jobs', { ...filter, limit: 50, cursor: pageParam }), { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ cursor }) => cursor,
    refetchInterval: 10_000,
  });

/** The job without its rows. */
export const jobQuery = (jobId: string) =>
  queryOptions({
    queryKey: ['job', jobId],
    queryFn: ({ signal }) => get<JobPage>(pathOf(`/jobs/${jobId}`, { limit: 0 }), { signal }),
    refetchInterval: ({ state }) => jobInterval(state.data),
  });

/** The prompt and the repositories of a job, which never change. */
export const jobTextQuery = (jobId: string) =>
  queryOptions({
    queryKey: ['job-text', jobId],
    queryFn: ({ signal }) =>
      get<JobPage>(pathOf(`/jobs/${jobId}`, { limit: 0, include: 'text' }), { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** All rows. `job` is in the key's place: they are read again when its counts have changed. */
export const rowsQuery = (jobId: string, job: JobPage | undefined) =>
  queryOptions({
    queryKey: ['rows', jobId],
    queryFn: ({ signal }) => get<Rows>(`/jobs/${jobId}/rows`, { signal }),
    refetchInterval: () => rowsInterval(job),
  });

/** The list is read again when a run starts or ends. */
export const runsQuery = ({ jobId, run, status }: JobPage) =>
  queryOptions({
    queryKey: ['runs', jobId, run, status],
    queryFn: ({ signal }) => get<RunList>(pathOf(`/jobs/${jobId}/runs`, { include: 'text' }), { signal }),
    placeholderData: keepPreviousData,
  });

/** The most pull requests in one answer. */
const PULL_REQUESTS_PAGE = 1000;

/** Read as often as the rows, which change with them; each minute if they are several pages, because the API reads all for each page. */
export const jobPullRequestsQuery = (job: JobPage) =>
  queryOptions({
    queryKey: ['pull-requests', job.jobId],
    queryFn: async ({ signal }) => {
      const pages = allPages<{ pullRequests: ListedPullRequest[] }>(
        `/jobs/${job.jobId}/pull-requests`,
        { limit: PULL_REQUESTS_PAGE },
        signal,
      );
      return { pullRequests: (await pages).flatMap(({ pullRequests }) => pullRequests) };
    },
    refetchInterval: () => {
      const often = rowsInterval(job);
      return often && job.counts.total > PULL_REQUESTS_PAGE ? 60_000 : often;
    },
  });

export const pullRequestHistoryQuery = ({ jobId, run, status, pullRequests }: JobPage) =>
  queryOptions({
    queryKey: ['pull-request-history', jobId, run, status, pullRequests],
    queryFn: ({ signal }) => get<PullRequestHistory>(`/jobs/${jobId}/pull-requests/history`, { signal }),
    placeholderData: keepPreviousData,
  });

/** The graph of the job's present run; read often while it runs, and once more when the job has ended. */
export const executionQuery = (job: JobPage) =>
  queryOptions({
    queryKey: ['execution', job.jobId, job.run, isRunning(job)],
    queryFn: ({ signal }) =>
      get<Execution>(pathOf(`/jobs/${job.jobId}/execution`, { run: job.run }), { signal }),
    placeholderData: keepPreviousData,
    // The API keeps its reading for some seconds, so the first one after the end of the job may be of before.
    refetchInterval: ({ state }) =>
      isRunning(job) || state.data?.execution.status === 'RUNNING' ? 3000 : false,
  });

export const reviewsQuery = (jobId: string) =>
  queryOptions({
    queryKey: ['reviews', jobId],
    queryFn: async ({ signal }) => {
      const pages = await allPages<ReviewList>(`/jobs/${jobId}/reviews`, { limit: 500 }, signal);
      return { jobId, reviews: pages.flatMap(({ reviews }) => reviews) };
    },
  });

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => get<Me>('/me', { signal }),
  staleTime: 300_000,
});

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => get<Health>('/health', { signal }),
  refetchInterval: 60_000,
});

export const totalsQuery = (days: number) =>
  queryOptions({
    queryKey: ['totals', days],
    queryFn: ({ signal }) => get<Totals>(pathOf('/totals', { days }), { signal }),
    refetchInterval: 60_000,
  });

/** All pages of a list, one after the other. */
async function allPages<T extends object>(
  path: string,
  { limit }: { limit: number },
  signal: AbortSignal,
): Promise<T[]> {
  const pages: T[] = [];
  let cursor: string | undefined;
  do {
    const page: T & { cursor?: string } = await get(pathOf(path, { limit, cursor }), { signal });
    pages.push(page);
    cursor = page.cursor;
  } while (cursor);
  return pages;
}
