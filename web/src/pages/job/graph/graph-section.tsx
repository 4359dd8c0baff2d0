import { lazy, Suspense, useState } from 'react';
import { isRunning } from '../../../api/polling.ts';
import type { JobPage } from '../../../api/types.ts';
import { Loading } from '../../../ui/problem.tsx';

const JobGraph = lazy(() => import('./job-graph.tsx'));

const KEY = 'cody-batch-graph';

/** The graph, which is loaded when it is opened. It is open while a job runs, until a person decides otherwise. */
export function GraphSection({ job }: { job: JobPage }) {
  const [choice, setChoice] = useState(() => localStorage.getItem(KEY));
  const isOpen = choice === null ? isRunning(job) : choice === '1';
  return (
    <details open={isOpen}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a summary is a control, which the keyboard clicks too. */}
      <summary
        onClick={(event) => {
          event.preventDefault();
          localStorage.setItem(KEY, isOpen ? '0' : '1');
          setChoice(isOpen ? '0' : '1');
        }}
      >
        Graph of run {job.run}
      </summary>
      {isOpen && (
        <Suspense fallback={<Loading rows={5} label="Loading the graph" />}>
          <JobGraph job={job} />
        </Suspense>
      )}
    </details>
  );
}
