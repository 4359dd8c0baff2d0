import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { isRunning } from '../../../api/polling.ts';
import { executionQuery } from '../../../api/queries.ts';
import type { JobPage } from '../../../api/types.ts';
import { Loading, ProblemBox } from '../../../ui/problem.tsx';
import { useNow } from '../../../ui/use-now.ts';
import styles from './graph.module.css';
import { LaneGraph } from './lane-graph.tsx';

/** Where the run is: the states of the job, of each repository and of each pull request. */
export default function JobGraph({ job }: { job: JobPage }) {
  const { data, error, refetch } = useQuery(executionQuery(job));
  const [isWhole, setIsWhole] = useState(false);
  const now = useNow(isRunning(job) ? 1000 : false);
  if (!data) {
    return error ? (
      <ProblemBox error={error} retry={() => void refetch()} />
    ) : (
      <Loading rows={5} label="Loading the graph" />
    );
  }
  return (
    <div className={styles.graph}>
      {data.lanes.map((lane) => (
        <LaneGraph
          key={lane.lane}
          jobId={job.jobId}
          lane={lane}
          lanes={data.lanes}
          isWhole={isWhole}
          now={now}
        />
      ))}
      <p className={styles.foot}>
        <label>
          <input type="checkbox" checked={isWhole} onChange={({ target }) => setIsWhole(target.checked)} />{' '}
          All states, with the ways of errors
        </label>
        {data.consoleUrl?.startsWith('https://') && (
          <a href={data.consoleUrl} rel="noreferrer">
            The execution in the console of AWS
          </a>
        )}
        {!data.isComplete && <span>The history is not complete; numbers may be too low.</span>}
      </p>
    </div>
  );
}
