import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { isRunning } from '../../api/polling.ts';
import { useHasRole } from '../../api/roles.ts';
import type { JobPage } from '../../api/types.ts';
import { amount, count, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Empty, ProblemBox } from '../../ui/problem.tsx';
import { useStartRun } from './job-mutations.ts';
import styles from './job-page.module.css';
import { RepositoryLink } from './repository-link.tsx';
import type { Failure } from './rows.ts';

const SHOWN = 5;

/** One card for each way in which repositories failed. */
export function FailuresTab({ job, failures }: { job: JobPage; failures: readonly Failure[] }) {
  if (failures.length === 0) return <Empty title="Nothing has failed" />;
  return (
    <ul className={styles.cards}>
      {failures.map((failure) => (
        <FailureCard key={failure.error} job={job} failure={failure} />
      ))}
    </ul>
  );
}

/** Without the version of the rule by which failures are grouped. */
function wordsOf(error: string): string {
  const words = error.replace(/^\d+:/, '');
  return words === 'gaveUp' ? 'Gave up' : words;
}

function FailureCard({ job, failure: { error, rows, medianUsd } }: { job: JobPage; failure: Failure }) {
  const isRunner = useHasRole('runner');
  const these = rows.length === 1 ? 'this one' : `these ${count(rows.length)}`;
  const retry = useStartRun(job.jobId, 'retry');
  const end = rows[0]?.end;
  const [turns, setTurns] = useState(job.settings.maxTurns * 2);
  const [cost, setCost] = useState(job.settings.maxCostUsd * 2);
  const settings =
    end === 'maxTurns' ? { maxTurns: turns } : end === 'maxCost' ? { maxCostUsd: cost } : undefined;
  return (
    <li className={styles.card}>
      <h2>
        <Text max={300}>{wordsOf(error)}</Text>
      </h2>
      <p className={styles.facts}>
        <span>{amount(rows.length, 'repository', 'repositories')}</span>
        {end && <span>end: {end}</span>}
        <span>median cost {usd(medianUsd)}</span>
        <Link to="/j/$jobId" params={{ jobId: job.jobId }} search={{ error, status: 'failed' }}>
          Show them in the table
        </Link>
      </p>
      <ul>
        {rows.slice(0, SHOWN).map(({ repositoryName }) => (
          <li key={repositoryName}>
            <RepositoryLink jobId={job.jobId} repositoryName={repositoryName} />
          </li>
        ))}
        {rows.length > SHOWN && <li>and {count(rows.length - SHOWN)} more</li>}
      </ul>
      {isRunner && (
        <div className={styles.actions}>
          {end === 'maxTurns' && (
            <label>
              Turns{' '}
              <input
                type="number"
                min={1}
                max={1000}
                value={turns}
                onChange={(e) => setTurns(Number(e.target.value))}
              />
            </label>
          )}
          {end === 'maxCost' && (
            <label>
              Dollars a repository{' '}
              <input
                type="number"
                min={0.01}
                step="any"
                value={cost}
                onChange={(e) => setCost(Number(e.target.value))}
              />
            </label>
          )}
          <button
            type="button"
            disabled={isRunning(job) || retry.isPending}
            title={isRunning(job) ? 'The job runs. Wait for its end, or cancel it.' : undefined}
            onClick={() =>
              retry.mutate({
                repositories: rows.map(({ repositoryName }) => repositoryName),
                ...(settings && { settings }),
              })
            }
          >
            {settings === undefined
              ? `Retry ${these}`
              : `${settings.maxTurns ? `Raise to ${count(turns)} turns` : `Raise to ${usd(cost)}`} and retry ${these}`}
          </button>
        </div>
      )}
      {retry.error && <ProblemBox error={retry.error} />}
    </li>
  );
}
