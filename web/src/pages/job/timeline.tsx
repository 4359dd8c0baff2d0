import { useQuery } from '@tanstack/react-query';
import { reviewsQuery } from '../../api/queries.ts';
import type { JobPage, Run } from '../../api/types.ts';
import { duration, time } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { ProblemBox } from '../../ui/problem.tsx';
import { Status } from '../../ui/status.tsx';
import styles from './timeline.module.css';
import { momentsOf } from './timeline.ts';

/** What happened to the job, from its creation on. */
export function Timeline({ job, runs }: { job: JobPage; runs: readonly Run[] }) {
  const { data, error, refetch } = useQuery(reviewsQuery(job.jobId));
  const moments = momentsOf(job, runs, data?.reviews ?? []);
  const [first] = moments;
  return (
    <>
      {error && <ProblemBox error={error} retry={() => void refetch()} />}
      <ol className={styles.timeline} aria-label="Timeline">
        {moments.map(({ key, at, what, by, note, status }) => (
          <li key={key} data-status={status}>
            <span className={styles.time}>
              <time dateTime={at}>{time(at)}</time>
              {at !== first?.at && <small>after {duration(Date.parse(at) - Date.parse(first!.at))}</small>}
            </span>
            <span>
              <Text max={300}>{what}</Text>
              {by && (
                <>
                  {' '}
                  by <Text max={60}>{by}</Text>
                </>
              )}{' '}
              {status && <Status value={status} />}
              {note && (
                <small>
                  <Text max={500}>{note}</Text>
                </small>
              )}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
