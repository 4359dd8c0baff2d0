import { isRunning } from '../../api/polling.ts';
import type { JobPage } from '../../api/types.ts';
import { ago, amount, compact, count, duration, percent, time, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Bar, Legend, type Segment } from '../../ui/bar.tsx';
import { Status } from '../../ui/status.tsx';
import { useNow } from '../../ui/use-now.ts';
import { jobSegments } from '../jobs/job-segments.ts';
import { forecast } from './forecast.ts';
import styles from './job-page.module.css';
import type { Row } from './rows.ts';

/** How far the job is, and what it has cost. */
export function JobProgress({ job, rows }: { job: JobPage; rows: readonly Row[] | undefined }) {
  const now = useNow(isRunning(job) ? 5000 : 60_000);
  const segments =
    rows && rows.length === job.counts.total ? outcomeSegments(job, rows) : jobSegments(job.counts);
  return (
    <section aria-label="Progress" className={styles.progress}>
      <div>
        <p className={styles.facts}>
          <Status
            value={job.status}
            label={job.status === 'waiting' && job.waitingFor ? `waiting for ${job.waitingFor}` : undefined}
          />
          <span>run {job.run}</span>
          <span title={time(job.createdAt)}>created {ago(job.createdAt, now)}</span>
          {job.createdBy && (
            <span>
              by <Text max={60}>{job.createdBy}</Text>
            </span>
          )}
          {job.expiresAt && <span>kept until {time(job.expiresAt)}</span>}
        </p>
        <Bar label="Repositories" segments={segments} total={job.counts.total} />
        <Legend segments={[...segments, { label: 'to do', value: job.counts.pending, tone: 'quiet' }]} />
        {job.held ? (
          <p>Held back behind the sample: {amount(job.held, 'repository', 'repositories')}.</p>
        ) : null}
      </div>
      <Cost job={job} rows={rows} now={now} />
      <p className="visually-hidden" role="status">
        {job.status}: {count(job.counts.completed)} of {count(job.counts.total)} completed
      </p>
    </section>
  );
}

function outcomeSegments(job: JobPage, rows: readonly Row[]): Segment[] {
  const ended = { changed: 0, unchanged: 0, gaveUp: 0, failed: 0 };
  for (const { status, outcome } of rows) {
    if (status === 'completed' || status === 'failed') ended[outcome ?? 'failed'] += 1;
  }
  const others = jobSegments(job.counts).filter(({ label }) => label !== 'completed' && label !== 'failed');
  return [
    { label: 'changed', value: ended.changed, tone: 'good' },
    { label: 'unchanged', value: ended.unchanged, tone: 'good-2' },
    { label: 'gave up', value: ended.gaveUp, tone: 'warn' },
    { label: 'failed', value: ended.failed, tone: 'bad' },
    ...others,
  ];
}

function Cost({ job, rows, now }: { job: JobPage; rows: readonly Row[] | undefined; now: number }) {
  const { spending, tokenUsage, maxCostUsd } = job;
  const settled = spending?.settledUsd ?? job.costUsd;
  const segments: Segment[] = [
    { label: 'spent', value: settled ?? 0, tone: 'busy' },
    { label: 'reserved', value: spending?.reservedUsd ?? 0, tone: 'warn' },
  ];
  const expected = forecast(job, rows, now);
  return (
    <div>
      <p className={styles.facts}>
        <span>
          cost <strong>{usd(settled)}</strong>
          {spending && spending.reservedUsd > 0 && ` and ${usd(spending.reservedUsd)} reserved`} of{' '}
          {usd(maxCostUsd)}
        </span>
        {settled === undefined && <span>the model's price is not known</span>}
      </p>
      {settled !== undefined && <Bar label="Cost" segments={segments} total={maxCostUsd} format={usd} />}
      <p className={styles.facts}>
        {expected && (
          <span>
            {expected.costUsd !== undefined && `at this rate ${usd(expected.costUsd)}, `}done in about{' '}
            {duration(expected.ms)}
          </span>
        )}
        {tokenUsage && tokenUsage.total > 0 && (
          <span>
            {compact(tokenUsage.total)} tokens, {percent(tokenUsage.cacheRead, tokenUsage.total)} read from
            the cache
          </span>
        )}
        {job.pullRequests && (
          <span>
            pull requests: {count(job.pullRequests.open)} open, {count(job.pullRequests.merged)} merged,{' '}
            {count(job.pullRequests.closed)} closed, {count(job.pullRequests.failed)} failed
          </span>
        )}
      </p>
    </div>
  );
}
