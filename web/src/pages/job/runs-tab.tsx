import { useQuery } from '@tanstack/react-query';
import { runsQuery } from '../../api/queries.ts';
import type { JobPage } from '../../api/types.ts';
import { compact, count, duration, time, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Empty, Loading, ProblemBox } from '../../ui/problem.tsx';
import { Status } from '../../ui/status.tsx';
import styles from '../jobs/job-table.module.css';
import { Timeline } from './timeline.tsx';

/** The job's timeline, and every run: what it was asked for, by whom, and what it came to. */
export function RunsTab({ job }: { job: JobPage }) {
  const { data, error, refetch } = useQuery(runsQuery(job));
  if (error && !data) return <ProblemBox error={error} retry={() => void refetch()} />;
  if (!data) return <Loading rows={3} />;
  if (data.runs.length === 0) return <Empty title="No run is recorded yet" />;
  return (
    <>
      <Timeline job={job} runs={data.runs} />
      <table className={styles.table} aria-label="Runs">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Status</th>
            <th scope="col">Asked by</th>
            <th scope="col">Time</th>
            <th scope="col">Repositories</th>
            <th scope="col">Tokens</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {data.runs.map((record) => (
            <tr key={record.run}>
              <th scope="row">
                {record.run} {record.kind ?? record.action}
              </th>
              <td data-label="Status">
                <Status value={record.status} />
              </td>
              <td data-label="Asked by">
                <Text max={60}>{record.requestedBy ?? '—'}</Text>
                <small>{time(record.requestedAt)}</small>
              </td>
              <td data-label="Time">
                {record.startedAt && record.endedAt
                  ? duration(Date.parse(record.endedAt) - Date.parse(record.startedAt))
                  : '—'}
              </td>
              <td data-label="Repositories">
                {record.counts
                  ? `${count(record.counts.completed)} of ${count(record.counts.total)} completed, ${count(record.counts.failed)} failed`
                  : '—'}
              </td>
              <td data-label="Tokens">{record.tokenUsage ? compact(record.tokenUsage.total) : '—'}</td>
              <td data-label="Cost">{usd(record.costUsd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
