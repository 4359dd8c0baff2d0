import { useQuery } from '@tanstack/react-query';
import { runsQuery } from '../../../api/queries.ts';
import type { JobPage } from '../../../api/types.ts';
import { amount, compact, count, time, usd } from '../../../text/format.ts';
import { Status } from '../../../ui/status.tsx';
import tables from '../../jobs/job-table.module.css';

/** The rounds of repair: what each took, what it came to and what it cost. */
export function Repairs({ job }: { job: JobPage }) {
  const { data } = useQuery(runsQuery(job));
  const repairs = data?.runs.filter(({ kind }) => kind === 'repair') ?? [];
  if (repairs.length === 0) return null;
  return (
    <section aria-label="Repairs">
      <h2>Repairs: {amount(repairs.length, 'round')}</h2>
      <table className={tables.table} aria-label="Repairs">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Status</th>
            <th scope="col">Repositories</th>
            <th scope="col">Came to</th>
            <th scope="col">Tokens</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {repairs.map((record) => (
            <tr key={record.run}>
              <th scope="row">
                {record.run}
                <small>{time(record.requestedAt)}</small>
              </th>
              <td data-label="Status">
                <Status value={record.status} />
              </td>
              <td data-label="Repositories">{count(record.counts?.total ?? record.selected ?? 0)}</td>
              <td data-label="Came to">{cameTo(record.run, job) ?? '—'}</td>
              <td data-label="Tokens">{record.tokenUsage ? compact(record.tokenUsage.total) : '—'}</td>
              <td data-label="Cost">{usd(record.costUsd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The job counts what its newest revision came to. */
function cameTo(run: number, { run: newest, revisions }: JobPage): string | undefined {
  if (run !== newest || !revisions) return undefined;
  const { replaced, same, kept, notStarted } = revisions;
  const words = [
    [replaced, 'replaced'],
    [same, 'the same'],
    [kept, 'kept'],
    [notStarted, 'not started'],
  ] as const;
  return words
    .filter(([value]) => value > 0)
    .map(([value, word]) => `${count(value)} ${word}`)
    .join(', ');
}
