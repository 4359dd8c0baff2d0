import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { jobPullRequestsQuery, meQuery } from '../../../api/queries.ts';
import type { JobPage, ListedPullRequest } from '../../../api/types.ts';
import { amount, count } from '../../../text/format.ts';
import { Empty, ProblemBox } from '../../../ui/problem.tsx';
import styles from '../job-page.module.css';
import { isFiltered, type JobSearch } from '../job-search.ts';
import { RepositoryFilters } from '../repository-filters.tsx';
import { RepositoryTable } from '../repository-table.tsx';
import { isChange, type Row, selectRows } from '../rows.ts';
import { BurnDown } from './burn-down.tsx';
import { Operate } from './operate.tsx';
import { OPERATIONS, type Operation } from './operations.ts';
import own from './pulls.module.css';
import { failsIn } from './red-checks.ts';
import { RedChecks } from './red-checks.tsx';
import { Refusals } from './refusals.tsx';
import { Repairs } from './repairs.tsx';
import { RunProgress } from './run-progress.tsx';

const route = getRouteApi('/j/$jobId');

/** The pull requests of the job, and the changes that could become one: what became of them, and what to do with them. */
export default function PullsTab({
  job,
  rows,
  search,
}: {
  job: JobPage;
  rows: readonly Row[];
  search: JobSearch;
}) {
  const navigate = route.useNavigate();
  const { data: me } = useQuery(meQuery);
  const { data, error, refetch } = useQuery(jobPullRequestsQuery(job));
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const all = useMemo(() => rows.filter((row) => row.prState !== undefined || isChange(row)), [rows]);
  const pulls = useMemo(() => byName(data?.pullRequests ?? []), [data]);
  const shown = useMemo(() => {
    const { check } = search;
    const matching = selectRows(all, search);
    return check === undefined
      ? matching
      : matching.filter(({ repositoryName }) => failsIn(pulls.get(repositoryName), check));
  }, [all, search, pulls]);
  const isRunner = me?.roles.includes('runner') ?? false;
  if (all.length === 0)
    return (
      <Empty title="There are no changes yet">
        <p>As soon as a repository has one, a pull request can be opened here.</p>
      </Empty>
    );
  const set = (change: JobSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const picked = shown.filter(({ repositoryName }) => selected.has(repositoryName));
  const of = picked.length > 0 ? picked : shown;
  return (
    <>
      <BurnDown job={job} />
      <RunProgress job={job} />
      <RedChecks job={job} rows={all} pulls={pulls} isRunner={isRunner} />
      {error && <ProblemBox error={error} retry={() => void refetch()} />}
      <RepositoryFilters search={search} onChange={set} />
      <p className={styles.line}>
        <span role="status">
          {isFiltered(search)
            ? `${count(shown.length)} of ${count(all.length)} repositories match`
            : amount(all.length, 'repository', 'repositories')}
        </span>
        {isFiltered(search) && (
          <button
            type="button"
            onClick={() => void navigate({ search: ({ tab, sort, desc }) => ({ tab, sort, desc }) })}
          >
            Clear the filter
          </button>
        )}
      </p>
      {isRunner && (
        <fieldset className={own.operations} aria-label="Operations">
          <span>
            {picked.length > 0 ? `${count(picked.length)} selected` : `All ${count(shown.length)} shown`}:
          </span>
          {(Object.keys(OPERATIONS) as Operation[]).map((operation) => (
            <Operate
              key={operation}
              operation={operation}
              job={job}
              rows={of}
              pulls={pulls}
              onStarted={() => setSelected(new Set())}
            />
          ))}
        </fieldset>
      )}
      <RepositoryTable
        jobId={job.jobId}
        rows={shown}
        search={search}
        onSort={(sort) => set({ sort, desc: search.sort === sort && !search.desc ? true : undefined })}
        selected={selected}
        onSelect={setSelected}
      />
      <Repairs job={job} />
      <Refusals jobId={job.jobId} pulls={data?.pullRequests ?? []} />
    </>
  );
}

function byName(pulls: readonly ListedPullRequest[]): ReadonlyMap<string, ListedPullRequest> {
  return new Map(pulls.map((pull) => [pull.repositoryName, pull]));
}
