import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { isRunning } from '../../api/polling.ts';
import { useHasRole } from '../../api/roles.ts';
import type { JobPage } from '../../api/types.ts';
import { amount, count, someOf } from '../../text/format.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { useKept } from '../../ui/kept.ts';
import { Empty, ProblemBox } from '../../ui/problem.tsx';
import { useDecide } from '../review/decide.ts';
import { decisionsOf } from '../review/decisions.ts';
import { useStartRun } from './job-mutations.ts';
import styles from './job-page.module.css';
import { isFiltered, type JobSearch } from './job-search.ts';
import { Patches } from './patches.tsx';
import { RepositoryFilters } from './repository-filters.tsx';
import { RepositoryTable } from './repository-table.tsx';
import { Revise } from './revise.tsx';
import { isChange, isRevisable, mayPublish, type Row, selectRows } from './rows.ts';

const route = getRouteApi('/j/$jobId');
const NONE: readonly string[] = [];

/** All repositories of the job, which are filtered, sorted and selected in the browser. */
export function RepositoriesTab({
  job,
  rows,
  search,
}: {
  job: JobPage;
  rows: readonly Row[];
  search: JobSearch;
}) {
  const navigate = route.useNavigate();
  const shown = useMemo(() => selectRows(rows, search), [rows, search]);
  const [names, setNames] = useKept<readonly string[]>(`${job.jobId} selected`, NONE);
  const isRunner = useHasRole('runner');
  const selected = useMemo(() => new Set(names), [names]);
  const set = (change: JobSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  return (
    <>
      <RepositoryFilters search={search} onChange={set} />
      <div className={styles.line}>
        <span role="status">
          {isFiltered(search)
            ? `${count(shown.length)} of ${count(rows.length)} repositories match`
            : amount(rows.length, 'repository', 'repositories')}
        </span>
        {isFiltered(search) && (
          <>
            {' '}
            <button
              type="button"
              onClick={() => void navigate({ search: ({ tab, sort, desc }) => ({ tab, sort, desc }) })}
            >
              Clear the filter
            </button>{' '}
            {isRunner && shown.length > 0 && (
              <button type="button" onClick={() => setNames(namesOf(shown, selected))}>
                Select all {count(shown.length)} that match
              </button>
            )}
            <Revise
              job={job}
              total={shown.filter(isRevisable).length}
              place="filter"
              selection={{
                repositories: shown.filter(isRevisable).map(({ repositoryName }) => repositoryName),
              }}
            />
          </>
        )}
      </div>
      {rows.length === 0 && (
        <Empty title="No repository is resolved yet">
          The job finds its repositories first; they are here within seconds.
        </Empty>
      )}
      {rows.length > 0 && (
        <RepositoryTable
          jobId={job.jobId}
          rows={shown}
          search={search}
          onSort={(sort) => set({ sort, desc: search.sort === sort && !search.desc ? true : undefined })}
          selected={selected}
          onSelect={(some) => setNames([...some])}
        />
      )}
      {selected.size > 0 && isRunner && (
        <Selection job={job} rows={rows} shown={shown} selected={selected} onClear={() => setNames(NONE)} />
      )}
    </>
  );
}

/** The names of all selected rows once these are selected too. */
function namesOf(rows: readonly Row[], selected: ReadonlySet<string>): string[] {
  return [...new Set([...selected, ...rows.map(({ repositoryName }) => repositoryName)])];
}

function Selection({
  job,
  rows,
  shown,
  selected,
  onClear,
}: {
  job: JobPage;
  rows: readonly Row[];
  shown: readonly Row[];
  selected: ReadonlySet<string>;
  onClear: () => void;
}) {
  const retry = useStartRun(job.jobId, 'retry');
  const publish = useStartRun(job.jobId, 'pull-requests');
  const of = rows.filter(({ repositoryName }) => selected.has(repositoryName));
  const retriable = of.filter(({ status }) => status === 'failed' || status === 'cancelled');
  const publishable = of.filter(
    (row) => isChange(row) && mayPublish(row, job) && (!row.prState || row.prState === 'failed'),
  );
  const changes = of.filter(isChange);
  const names = (some: readonly Row[]) => some.map(({ repositoryName }) => repositoryName);
  const hidden = selected.size - shown.filter(({ repositoryName }) => selected.has(repositoryName)).length;
  const decide = useDecide(job.jobId);
  const error = retry.error ?? publish.error ?? decide.error;
  return (
    <div className={`${styles.notice} ${styles.selection}`}>
      <span>
        {count(selected.size)} selected{hidden > 0 && `, ${count(hidden)} of them hidden by the filter`}
      </span>
      <button
        type="button"
        disabled={retriable.length === 0 || isRunning(job) || retry.isPending}
        onClick={() => retry.mutate({ repositories: names(retriable) }, { onSuccess: onClear })}
      >
        Retry {count(retriable.length)}
      </button>
      <ConfirmButton
        label={`Open pull requests (${count(publishable.length)})`}
        question={`Open pull requests in ${someOf(names(publishable))}?`}
        confirm={`Open ${count(publishable.length)}`}
        disabled={publishable.length === 0 || publish.isPending}
        onConfirm={() => publish.mutate({ repositories: names(publishable) }, { onSuccess: onClear })}
      />
      <ConfirmButton
        label={`Approve (${count(changes.length)})`}
        question={`Approve ${amount(changes.length, 'change')} as shown now: ${someOf(names(changes))}?`}
        confirm={`Approve ${count(changes.length)}`}
        disabled={changes.length === 0 || decide.isPending}
        onConfirm={() => decide.mutate(decisionsOf('approve', changes))}
      />
      <Patches jobId={job.jobId} names={names(changes)} of="these" />
      <Revise
        job={job}
        total={of.filter(isRevisable).length}
        place="selection"
        selection={{ repositories: names(of.filter(isRevisable)) }}
        onStarted={onClear}
      />
      <button type="button" onClick={onClear}>
        Clear the selection
      </button>
      {error && <ProblemBox error={error} />}
    </div>
  );
}
