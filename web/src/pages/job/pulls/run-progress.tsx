import { useQuery } from '@tanstack/react-query';
import { isRunning } from '../../../api/polling.ts';
import { executionQuery, runsQuery } from '../../../api/queries.ts';
import type { JobPage } from '../../../api/types.ts';
import { count, time } from '../../../text/format.ts';
import { Text } from '../../../text/text.tsx';
import { Bar } from '../../../ui/bar.tsx';
import { Status } from '../../../ui/status.tsx';
import styles from '../job-page.module.css';
import { OPERATIONS } from './operations.ts';

/** How far the job's newest run is, if it publishes. */
export function RunProgress({ job }: { job: JobPage }) {
  const { data } = useQuery(runsQuery(job));
  const newest = data?.runs.find(({ run }) => run === job.run);
  const isPublish = newest?.kind === 'publish';
  const { data: execution } = useQuery({ ...executionQuery(job), enabled: isPublish });
  if (!newest || !isPublish) return null;
  const { operation = 'open', requestedBy, requestedAt } = newest;
  const children = execution?.lanes.find(({ lane }) => lane === 'pullRequest')?.children ?? [];
  const [done, total] = children.reduce(
    ([ended, all], one) => [ended + one.succeeded + one.failed, all + one.total],
    [0, 0],
  );
  return (
    <section className={styles.notice} aria-label="The newest operation">
      <span>
        Run {newest.run}: {OPERATIONS[operation].verb.toLowerCase()}, asked for {time(requestedAt)}
        {requestedBy && (
          <>
            {' '}
            by <Text max={60}>{requestedBy}</Text>
          </>
        )}
      </span>
      <Status value={job.status} />
      {total > 0 && (
        <>
          <span role="status">
            {count(done)} of {count(total)} done
          </span>
          <Bar
            label="Pull requests"
            total={total}
            segments={[{ label: 'done', value: done, tone: isRunning(job) ? 'busy' : 'good' }]}
          />
        </>
      )}
    </section>
  );
}
