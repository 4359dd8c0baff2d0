import type { DynamoDBProtocol } from './dynamodb-protocol.ts';
import type { Context } from './expression.ts';
import type { History } from './history.ts';
import type { BatchJobWaiter } from './integrations/batch.ts';
import type { MapRuns } from './map-runs.ts';
import type { Json } from './payload.ts';

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** What DescribeExecution tells, and what is kept of a top-level execution. Times are epoch milliseconds. */
export type ExecutionRecord = {
  arn: string;
  name: string;
  stateMachineArn: string;
  status: ExecutionStatus;
  /** JSON text, exactly as StartExecution received it. */
  input: string;
  startDate: number;
  stopDate?: number;
  /** JSON text. */
  output?: string;
  error?: string;
  cause?: string;
  /** How often a new process ran this execution again from its start, because the one before had died. */
  redriveCount: number;
  redriveDate?: number;
  /** Of a child execution: the Map run that started it. */
  mapRunArn?: string;
};

export type InvokeFunction = (
  name: string,
  payload: unknown,
  call: { signal: AbortSignal; timeoutSeconds: number },
) => Promise<unknown>;

/** What the states of an execution reach. */
export type Services = {
  region: string;
  dynamodb: DynamoDBProtocol;
  batch: BatchJobWaiter;
  invokeFunction: InvokeFunction;
  readObject(bucket: string, key: string): Promise<Uint8Array>;
  writeObject(bucket: string, key: string, body: Uint8Array): Promise<void>;
  mapRuns: MapRuns;
};

/** An execution while it runs. */
export type RunningExecution = {
  record: ExecutionRecord;
  context: Context;
  history: History;
  /** Aborted by StopExecution, by a time-out, and when the engine closes. */
  stopping: AbortController;
  /** Work under way, children's included: what closing waits for. */
  tasks: Set<Promise<unknown>>;
  services: Services;
};

/** The body of a state: from its effective input to its result. */
export type StateBody = (input: Json, execution: RunningExecution) => Promise<Json>;

/** Keeps `work` among what closing waits for, until it has settled. */
export function trackTask<T>(execution: RunningExecution, work: Promise<T>): Promise<T> {
  execution.tasks.add(work);
  const forget = () => execution.tasks.delete(work);
  work.then(forget, forget);
  return work;
}
