import type { ExecutionRecord } from './execution-record.ts';
import type { Context } from './expression.ts';
import type { History } from './history.ts';
import type { Json } from './payload.ts';
import type { Services } from './services.ts';

/** An execution while it runs. */
export type RunningExecution = {
  record: ExecutionRecord;
  context: Context;
  history: History;
  /** Aborted by StopExecution, by a time-out, and when the engine closes. */
  stopping: AbortController;
  /** Unfinished work, including that of child executions. Closing waits for it. */
  tasks: Set<Promise<unknown>>;
  services: Services;
};

/** The body of a state: from its effective input to its result. */
export type StateBody = (input: Json, execution: RunningExecution) => Promise<Json>;

/** Makes closing wait until `work` has settled. */
export function trackTask<T>(execution: RunningExecution, work: Promise<T>): Promise<T> {
  execution.tasks.add(work);
  const forget = () => execution.tasks.delete(work);
  work.then(forget, forget);
  return work;
}
