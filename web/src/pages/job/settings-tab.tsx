import { useQuery } from '@tanstack/react-query';
import { jobTextQuery } from '../../api/queries.ts';
import type { JobPage } from '../../api/types.ts';
import { amount, usd } from '../../text/format.ts';
import { Lines, Text } from '../../text/text.tsx';
import { Loading, ProblemBox } from '../../ui/problem.tsx';
import styles from './job-page.module.css';

/** What the job was asked for. */
export function SettingsTab({ job }: { job: JobPage }) {
  const { data, error } = useQuery(jobTextQuery(job.jobId));
  const settings: [string, unknown][] = [
    ['job', job.jobId],
    ['type', job.type],
    ['description', job.description],
    ['at once', job.maxConcurrency],
    ['cap of the job', usd(job.maxCostUsd)],
    ['pull requests', job.createPullRequests ? 'at the end of the run' : 'when asked for'],
    ['review', job.review ?? 'optional'],
    ...Object.entries(job.settings),
    ...Object.entries(job.pullRequest ?? {}).map(([name, value]): [string, unknown] => [
      `pull request: ${name}`,
      value,
    ]),
  ];
  return (
    <>
      <h2>Prompt</h2>
      {error && <ProblemBox error={error} />}
      {data ? <Lines>{data.prompt}</Lines> : !error && <Loading rows={3} />}
      <h2>Settings</h2>
      <dl className={styles.settings}>
        {settings.map(([name, value]) =>
          isEmpty(value) ? null : (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>
                <Text max={2000}>{typeof value === 'string' ? value : JSON.stringify(value)}</Text>
              </dd>
            </div>
          ),
        )}
      </dl>
      {data?.repositories && (
        <details>
          <summary>
            {amount(data.repositories.length, 'repository or pattern', 'repositories or patterns')}, as they
            were named
          </summary>
          <Lines>{data.repositories.join('\n')}</Lines>
        </details>
      )}
    </>
  );
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}
