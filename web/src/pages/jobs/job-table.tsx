import { Link } from '@tanstack/react-router';
import type { Job } from '../../api/types.ts';
import { ago, count, time, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Bar } from '../../ui/bar.tsx';
import { Status } from '../../ui/status.tsx';
import { useNow } from '../../ui/use-now.ts';
import { jobSegments } from './job-segments.ts';
import styles from './job-table.module.css';

/** Jobs as a table; on a narrow screen, as cards. */
export function JobTable({ jobs, label }: { jobs: readonly Job[]; label: string }) {
  const now = useNow(30_000);
  return (
    <table className={`${styles.table} ${styles.jobs}`} aria-label={label}>
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Status</th>
          <th scope="col">Repositories</th>
          <th scope="col">Pull requests</th>
          <th scope="col">Cost</th>
          <th scope="col">Created</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.jobId}>
            <th scope="row">
              <Link to="/j/$jobId" params={{ jobId: job.jobId }}>
                <Text max={200}>{job.name}</Text>
              </Link>
              <small>
                {job.type}
                {job.createdBy && (
                  <>
                    {' '}
                    by <Text max={60}>{job.createdBy}</Text>
                  </>
                )}
              </small>
            </th>
            <td data-label="Status">
              <Status
                value={job.status}
                label={
                  job.waitingFor && job.status === 'waiting' ? `waiting for ${job.waitingFor}` : undefined
                }
              />
            </td>
            <td data-label="Repositories">
              <Bar label="Repositories" segments={jobSegments(job.counts)} total={job.counts.total} />
              <small>
                {count(job.counts.completed)} of {count(job.counts.total)} completed
                {job.counts.failed > 0 && `, ${count(job.counts.failed)} failed`}
                {job.held ? `, ${count(job.held)} held` : ''}
              </small>
            </td>
            <td data-label="Pull requests">{pullsOf(job)}</td>
            <td data-label="Cost" className={styles.number}>
              {usd(job.costUsd)}
            </td>
            <td data-label="Created" title={time(job.createdAt)}>
              {ago(job.createdAt, now)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function pullsOf({ pullRequests }: Job): string {
  if (!pullRequests) return '—';
  const parts = [
    pullRequests.open > 0 && `${count(pullRequests.open)} open`,
    pullRequests.merged > 0 && `${count(pullRequests.merged)} merged`,
    pullRequests.closed > 0 && `${count(pullRequests.closed)} closed`,
    pullRequests.failed > 0 && `${count(pullRequests.failed)} failed`,
  ];
  return parts.filter(Boolean).join(', ') || '—';
}
