import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { jobsQuery } from '../../api/queries.ts';
import { Heading } from '../../ui/heading.tsx';
import { Empty, Loading, ProblemBox, StaleNotice } from '../../ui/problem.tsx';
import { useDebounced } from '../../ui/use-debounced.ts';
import { JobFilters } from './job-filters.tsx';
import { JobTable } from './job-table.tsx';

const route = getRouteApi('/j');

/** All jobs, newest first, by status, type, time and text. */
export function JobsPage() {
  const search = route.useSearch();
  const query = useInfiniteQuery(jobsQuery(useDebounced(search, 250)));
  const jobs = query.data?.pages.flatMap((page) => page.jobs);
  const isFiltered = Object.values(search).some(Boolean);
  return (
    <>
      <Heading title="Jobs" />
      <JobFilters search={search} />
      <StaleNotice error={jobs ? query.error : null} since={query.dataUpdatedAt} />
      {query.isPending && <Loading rows={10} label="Loading jobs" />}
      {query.error && !jobs && <ProblemBox error={query.error} retry={() => void query.refetch()} />}
      {jobs?.length === 0 && (
        <Empty title={isFiltered ? 'No job matches' : 'There are no jobs yet'}>
          {isFiltered ? (
            <Link to="/j">Show all jobs</Link>
          ) : (
            <p>
              <Link to="/new">Start the first one</Link>, or on the command line:{' '}
              <code>cody-batch run --repo PATH --prompt …</code>
            </p>
          )}
        </Empty>
      )}
      {jobs && jobs.length > 0 && <JobTable jobs={jobs} label="Jobs" />}
      {query.hasNextPage && (
        <p>
          <button
            type="button"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {query.isFetchingNextPage ? 'Loading…' : 'Load more'}
          </button>
        </p>
      )}
    </>
  );
}
