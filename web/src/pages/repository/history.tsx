import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { jobQuery, runsQuery } from '../../api/queries.ts';
import type { JobPage, RepositoryPage } from '../../api/types.ts';
import { time } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Loading, ProblemBox } from '../../ui/problem.tsx';
import tables from '../jobs/job-table.module.css';
import { historyOf } from './history.ts';

const route = getRouteApi('/j/$jobId/r/$owner/$name');

/** The runs that worked on the repository: what each was asked for, and what it came to. */
export function History({ jobId, result }: { jobId: string; result: RepositoryPage }) {
  const { data: job, error } = useQuery(jobQuery(jobId));
  if (error && !job) return <ProblemBox error={error} />;
  return job ? <Runs job={job} result={result} /> : <Loading rows={3} />;
}

function Runs({ job, result }: { job: JobPage; result: RepositoryPage }) {
  const params = route.useParams();
  const { data, error } = useQuery(runsQuery(job));
  if (error && !data) return <ProblemBox error={error} />;
  if (!data) return <Loading rows={3} />;
  return (
    <table className={tables.table} aria-label="Runs of the repository">
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">Asked for</th>
          <th scope="col">Came to</th>
          <th scope="col">What it left</th>
        </tr>
      </thead>
      <tbody>
        {historyOf(result, data.runs).map(({ run, kind, at, instruction, failed, cameTo, hasArtifacts }) => (
          <tr key={run}>
            <th scope="row">
              {run} {kind}
              <small>{time(at)}</small>
            </th>
            <td data-label="Asked for">
              {instruction ? <Text max={2000}>{instruction}</Text> : failed.length === 0 && 'the prompt'}
              {failed.length > 0 && (
                <>
                  mend <Text max={1000}>{failed.join(', ')}</Text>
                </>
              )}
            </td>
            <td data-label="Came to">{cameTo}</td>
            <td data-label="What it left">
              {hasArtifacts &&
                (['diff', 'conversation', 'log'] as const).map((tab) => (
                  <span key={tab}>
                    <Link
                      to="/j/$jobId/r/$owner/$name"
                      params={params}
                      search={{ tab: tab === 'diff' ? undefined : tab, run }}
                      aria-label={`${tab} of run ${run}`}
                    >
                      {tab}
                    </Link>{' '}
                  </span>
                ))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
