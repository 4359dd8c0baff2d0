import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { get, getText, pathOf } from '../../api/client.ts';
import type { RepositoryPage as Result } from '../../api/types.ts';
import { useKeys } from '../../app/keys.ts';
import { Change } from '../../diff/change.tsx';
import { Lines } from '../../text/text.tsx';
import { Heading } from '../../ui/heading.tsx';
import { Empty, Loading, ProblemBox, StaleNotice } from '../../ui/problem.tsx';
import { ChangeActions } from './change-actions.tsx';
import { Conversation } from './conversation.tsx';
import { Facts } from './facts.tsx';
import { History } from './history.tsx';
import styles from './repository.module.css';
import { REPOSITORY_TABS } from './repository-search.ts';

const route = getRouteApi('/j/$jobId/r/$owner/$name');

/** Running repositories are read every few seconds, others once a minute: their pull request may move. */
const RUNNING_MS = 3000;
const ENDED_MS = 60_000;

export function RepositoryPage() {
  const { jobId, owner, name } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const repositoryName = `${owner}/${name}`;
  const path = `/jobs/${jobId}/repositories/${repositoryName}`;
  const { data, error, refetch, dataUpdatedAt } = useQuery({
    queryKey: ['repository', jobId, repositoryName],
    queryFn: ({ signal }) => get<Result>(path, { signal }),
    refetchInterval: ({ state }) => (state.data?.completedAt ? ENDED_MS : RUNNING_MS),
  });
  const tab = search.tab ?? 'diff';
  useKeys(
    REPOSITORY_TABS.map((word, index) => ({
      key: String(index + 1),
      does: `show the ${word}`,
      run: () => void navigate({ search: (before) => ({ ...before, tab: word }) }),
    })),
  );
  return (
    <>
      <Heading title={repositoryName} />
      <p>
        <Link to="/j/$jobId" params={{ jobId }}>
          The job
        </Link>
      </p>
      <StaleNotice error={data ? error : null} since={dataUpdatedAt} />
      {!data && error && <ProblemBox error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading label="Loading the repository" />}
      {data && <Facts result={data} />}
      {data && <ChangeActions result={data} path={path} />}
      {data && (
        <nav className={styles.tabs} aria-label="Parts of the result">
          {REPOSITORY_TABS.map((word) => (
            <Link
              key={word}
              to="/j/$jobId/r/$owner/$name"
              params={{ jobId, owner, name }}
              search={{ ...search, tab: word === 'diff' ? undefined : word, line: undefined }}
              aria-current={tab === word ? 'page' : undefined}
              activeOptions={{ explicitUndefined: true }}
              replace
            >
              {word}
            </Link>
          ))}
        </nav>
      )}
      {data && search.run !== undefined && tab !== 'runs' && tab !== 'record' && (
        <p>
          This is of run {search.run}.{' '}
          <Link
            to="/j/$jobId/r/$owner/$name"
            params={{ jobId, owner, name }}
            search={{ ...search, run: undefined }}
          >
            Show that of the result
          </Link>
        </p>
      )}
      {data && tab === 'diff' && <Diff jobId={jobId} repositoryName={repositoryName} result={data} />}
      {data && tab === 'conversation' && (
        <Conversation path={path} view={search.view ?? 'standard'} run={search.run} />
      )}
      {data && tab === 'log' && <Log path={path} run={search.run} />}
      {data && tab === 'runs' && <History jobId={jobId} result={data} />}
      {data && tab === 'record' && <Lines>{JSON.stringify(data, null, 2)}</Lines>}
    </>
  );
}

type DiffProps = { jobId: string; repositoryName: string; result: Result };

function Diff({ jobId, repositoryName, result }: DiffProps) {
  const { file, line, run } = route.useSearch();
  const navigate = route.useNavigate();
  if (!result.artifacts?.diff && run === undefined) return <Empty title="There is no change" />;
  return (
    <Change
      jobId={jobId}
      repositoryName={repositoryName}
      patchSha={run === undefined ? result.patchSha : undefined}
      run={run}
      file={file}
      line={line}
      onFile={(name) =>
        void navigate({ search: (before) => ({ ...before, file: name, line: undefined }), replace: true })
      }
    />
  );
}

function Log({ path, run }: { path: string; run: number | undefined }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['log', path, run],
    queryFn: ({ signal }) => getText(pathOf(`${path}/log`, { run }), { signal }),
  });
  if (error) return <ProblemBox error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading rows={8} label="Loading the log" />;
  return (
    <Lines max={1_000_000} isOutput>
      {data}
    </Lines>
  );
}
