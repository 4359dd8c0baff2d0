import { useInfiniteQuery, useQueries } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { jobsQuery, rowsQuery } from '../../api/queries.ts';
import { amount, count } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import filters from '../../ui/filters.module.css';
import { Heading } from '../../ui/heading.tsx';
import { Empty, Loading, ProblemBox } from '../../ui/problem.tsx';
import { Status } from '../../ui/status.tsx';
import { RepositoryLink } from '../job/repository-link.tsx';
import { type Row, rowsOf } from '../job/rows.ts';
import styles from '../jobs/job-table.module.css';
import { PULL_FILTERS } from './pulls-search.ts';

const route = getRouteApi('/pulls');
/** Each job is one request. */
const MAX_JOBS = 20;
const MAX_SHOWN = 500;
const WORDS: Readonly<Record<string, string>> = { red: 'open with failing checks' };

/** Pull requests of the newest jobs that have some. */
export function PullsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(jobsQuery({}));
  const jobs = useMemo(
    () =>
      (query.data?.pages ?? [])
        .flatMap((page) => page.jobs)
        .filter((job) => job.pullRequests)
        .slice(0, MAX_JOBS),
    [query.data],
  );
  const read = useQueries({ queries: jobs.map((job) => rowsQuery(job.jobId, job)) });
  const pulls = read.flatMap(({ data }, index) =>
    data ? rowsOf(data).flatMap((row) => (row.prState ? [{ job: jobs[index]!, row }] : [])) : [],
  );
  const text = search.text?.toLowerCase();
  const shown = pulls.filter(
    ({ row }) =>
      (!search.state || stateOf(row).includes(search.state)) &&
      (!text || row.repositoryName.toLowerCase().includes(text)),
  );
  const isReading = query.isPending || read.some(({ isPending }) => isPending);
  const error = query.error ?? read.find((one) => one.error)?.error;
  return (
    <>
      <Heading title="Pull requests" />
      <form className={filters.filters} onSubmit={(event) => event.preventDefault()} aria-label="Filter">
        <label>
          Repository
          <input
            type="search"
            data-key="/"
            value={search.text ?? ''}
            onChange={({ target }) =>
              void navigate({ search: { ...search, text: target.value || undefined }, replace: true })
            }
          />
        </label>
        <label>
          State
          <select
            value={search.state ?? ''}
            onChange={({ target }) =>
              void navigate({
                search: { ...search, state: PULL_FILTERS.find((word) => word === target.value) },
                replace: true,
              })
            }
          >
            <option value="">any</option>
            {PULL_FILTERS.map((word) => (
              <option key={word} value={word}>
                {WORDS[word] ?? word}
              </option>
            ))}
          </select>
        </label>
      </form>
      {error && <ProblemBox error={error} retry={() => void query.refetch()} />}
      {isReading && pulls.length === 0 && !error && <Loading rows={8} />}
      {!isReading && !error && shown.length === 0 && (
        <Empty title={pulls.length === 0 ? 'There are no pull requests yet' : 'No pull request matches'}>
          {pulls.length === 0 && <p>Open some from a job that has changes.</p>}
        </Empty>
      )}
      {shown.length > 0 && (
        <>
          <p role="status">
            {amount(shown.length, 'pull request')} of{' '}
            {jobs.length === 1
              ? 'the one job that has some'
              : `the newest ${count(jobs.length)} jobs that have some`}
            {shown.length > MAX_SHOWN && `; the first ${count(MAX_SHOWN)} are shown, filter for the others`}
          </p>
          <p>
            A job's name leads to its pull requests, where they can be merged, rebased, commented or closed
            together.
          </p>
          <table className={styles.table} aria-label="Pull requests">
            <thead>
              <tr>
                <th scope="col">Repository</th>
                <th scope="col">State</th>
                <th scope="col">Checks</th>
                <th scope="col">Job</th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, MAX_SHOWN).map(({ job, row }) => (
                <tr key={`${job.jobId} ${row.repositoryName}`}>
                  <th scope="row">
                    <RepositoryLink jobId={job.jobId} repositoryName={row.repositoryName} />
                    {row.prNumber !== undefined && ` #${row.prNumber}`}
                  </th>
                  <td data-label="State">
                    <Status value={row.prState!} />
                  </td>
                  <td data-label="Checks">
                    {row.checks && row.checks !== 'none' ? <Status value={row.checks} /> : '—'}
                  </td>
                  <td data-label="Job">
                    <Link
                      to="/j/$jobId"
                      params={{ jobId: job.jobId }}
                      search={{ tab: 'pulls', pull: search.state, text: search.text }}
                    >
                      <Text max={120}>{job.name}</Text>
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

function stateOf({ prState, checks }: Row): string[] {
  return [prState ?? '', prState === 'open' && checks === 'failing' ? 'red' : ''];
}
