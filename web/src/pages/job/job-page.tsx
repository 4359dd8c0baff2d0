import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo } from 'react';
import { jobQuery, rowsQuery } from '../../api/queries.ts';
import type { Job } from '../../api/types.ts';
import { useKeys } from '../../app/keys.ts';
import { count } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Heading } from '../../ui/heading.tsx';
import { Loading, ProblemBox, StaleNotice } from '../../ui/problem.tsx';
import { FailuresTab } from './failures-tab.tsx';
import { GraphSection } from './graph/graph-section.tsx';
import { JobActions } from './job-actions.tsx';
import styles from './job-page.module.css';
import { JobProgress } from './job-progress.tsx';
import { JOB_TABS } from './job-search.ts';
import { RepositoriesTab } from './repositories-tab.tsx';
import { failuresOf, kinsOf, rowsOf } from './rows.ts';
import { RunsTab } from './runs-tab.tsx';
import { SettingsTab } from './settings-tab.tsx';
import { ShapesTab } from './shapes-tab.tsx';

const route = getRouteApi('/j/$jobId');
// A first visit does not show it.
const PullsTab = lazy(() => import('./pulls/pulls-tab.tsx'));

type JobPullRequests = NonNullable<Job['pullRequests']>;

/** Nothing that a person has begun on the page of one job is about another. */
export function JobPage() {
  const { jobId } = route.useParams();
  return <JobOnScreen key={jobId} jobId={jobId} />;
}

function JobOnScreen({ jobId }: { jobId: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: job, error, refetch, dataUpdatedAt } = useQuery(jobQuery(jobId));
  const rowsRead = useQuery(rowsQuery(jobId, job));
  useReadRowsAtEnd(jobId, job?.status, job?.updatedAt);
  const rows = useMemo(() => (rowsRead.data ? rowsOf(rowsRead.data) : undefined), [rowsRead.data]);
  const kins = useMemo(() => kinsOf(rows ?? []), [rows]);
  const failures = useMemo(() => failuresOf(rows ?? []), [rows]);
  const tab = search.tab ?? 'repositories';
  useKeys([
    ...JOB_TABS.map((name, index) => ({
      key: String(index + 1),
      does: `show ${name}`,
      run: () => void navigate({ search: (before) => ({ ...before, tab: name }) }),
    })),
    { key: 'r', does: 'review the changes', run: () => void navigate({ to: '/j/$jobId/review' }) },
  ]);
  if (!job) {
    return (
      <>
        <Heading title={jobId} />
        {error ? (
          <ProblemBox error={error} retry={() => void refetch()} />
        ) : (
          <Loading label="Loading the job" />
        )}
      </>
    );
  }
  const labels: Record<string, string> = {
    repositories: `Repositories ${count(job.counts.total)}`,
    shapes: `Shapes ${count(kins.reduce((sum, kin) => sum + kin.shapes.length, 0))}`,
    failures: `Failures ${count(job.counts.failed)}`,
    pulls: `Pull requests ${count(totalOf(job.pullRequests))}`,
    runs: `Timeline and runs ${job.run}`,
    settings: 'Prompt and settings',
  };
  return (
    <>
      <div className={styles.title}>
        <Heading title={job.name}>
          <Text max={200}>{job.name}</Text>
        </Heading>
        <JobActions job={job} rows={rows} />
      </div>
      <StaleNotice error={error ?? rowsRead.error} since={error ? dataUpdatedAt : rowsRead.dataUpdatedAt} />
      {job.error && (
        <p className={styles.error}>
          <strong>{job.error.name}</strong>: <Text max={2000}>{job.error.message}</Text>
        </p>
      )}
      <JobProgress job={job} rows={rows} />
      <GraphSection job={job} />
      <nav className={styles.tabs} aria-label="Parts of the job">
        {JOB_TABS.map((name) => (
          <Link
            key={name}
            to="/j/$jobId"
            params={{ jobId }}
            search={{
              ...search,
              tab: name === 'repositories' ? undefined : name,
              check: name === 'pulls' ? search.check : undefined,
            }}
            aria-current={tab === name ? 'page' : undefined}
            activeOptions={{ explicitUndefined: true }}
            replace
          >
            {labels[name]}
          </Link>
        ))}
      </nav>
      {tab === 'settings' && <SettingsTab job={job} />}
      {tab === 'runs' && <RunsTab job={job} />}
      {!rows && tab !== 'settings' && tab !== 'runs' && !rowsRead.error && <Loading rows={10} />}
      {!rows && rowsRead.error && <ProblemBox error={rowsRead.error} retry={() => void rowsRead.refetch()} />}
      {rows && tab === 'repositories' && <RepositoriesTab job={job} rows={rows} search={search} />}
      {rows && tab === 'shapes' && <ShapesTab job={job} kins={kins} />}
      {rows && tab === 'pulls' && (
        <Suspense fallback={<Loading rows={10} />}>
          <PullsTab job={job} rows={rows} search={search} />
        </Suspense>
      )}
      {rows && tab === 'failures' && <FailuresTab job={job} failures={failures} />}
    </>
  );
}

function totalOf({ open = 0, merged = 0, closed = 0 }: Partial<JobPullRequests> = {}): number {
  return open + merged + closed;
}

/** Polling stops at the end of a job, so the rows are read once more after each change of it. */
function useReadRowsAtEnd(jobId: string, status: string | undefined, updatedAt: string | undefined): void {
  const client = useQueryClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the status and the time are what it waits for.
  useEffect(() => {
    void client.invalidateQueries({ queryKey: ['rows', jobId] });
  }, [client, jobId, status, updatedAt]);
}
