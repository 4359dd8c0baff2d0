import type { ExecutionRecord, ExecutionStatus } from './execution-record.ts';
import type { HistoryEvent } from './history.ts';

/** A child execution of a Map run. It is kept in memory only. */
export type ChildExecution = { record: ExecutionRecord; events: HistoryEvent[]; stopping: AbortController };

/** A Map run as DescribeMapRun shows it. Times are epoch milliseconds. */
export type MapRun = {
  arn: string;
  executionArn: string;
  /** `NAME/LABEL`, the name of the state machine that its children run. */
  stateMachineArn: string;
  status: Exclude<ExecutionStatus, 'TIMED_OUT'>;
  startDate: number;
  stopDate?: number;
  maxConcurrency: number;
  toleratedFailurePercentage: number;
  total: number;
  counts: Record<ExecutionStatus, number>;
  resultsWritten: number;
  /** Lets more children start after `maxConcurrency` was raised. Present while children run. */
  resized?: () => void;
};

/** The most children at once if no limit is set: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
export const MAX_CONCURRENCY = 10_000;

/**
 * The most ended child executions that stay in memory with input, output and history, over all Map runs. A child of the
 * lifecycle has about 25 events of 600 bytes, so 1,000 children take about 15 MB. The ResultWriter's files and the
 * counts of a Map run cover all children.
 */
const MAX_ENDED_CHILDREN = 1_000;

export class MapRuns {
  readonly #runs = new Map<string, MapRun>();
  readonly #running = new Map<string, ChildExecution>();
  readonly #ended = new Map<string, ChildExecution>();

  add(run: MapRun): void {
    this.#runs.set(run.arn, run);
  }

  get(arn: string): MapRun | undefined {
    return this.#runs.get(arn);
  }

  ofExecution(executionArn: string): MapRun[] {
    return [...this.#runs.values()].filter((run) => run.executionArn === executionArn);
  }

  /** Forgets the Map runs of an execution, with their children. */
  forget(executionArn: string): void {
    for (const { arn } of this.ofExecution(executionArn)) {
      this.#runs.delete(arn);
      for (const [child, { record }] of this.#ended) if (record.mapRunArn === arn) this.#ended.delete(child);
    }
  }

  childStarted(child: ChildExecution): void {
    this.#running.set(child.record.arn, child);
  }

  childEnded(child: ChildExecution): void {
    this.#running.delete(child.record.arn);
    this.#ended.set(child.record.arn, child);
    if (this.#ended.size <= MAX_ENDED_CHILDREN) return;
    const [oldest] = this.#ended.keys();
    if (oldest) this.#ended.delete(oldest);
  }

  child(arn: string): ChildExecution | undefined {
    return this.#running.get(arn) ?? this.#ended.get(arn);
  }

  /** The running children, and those ended children that are still in memory. */
  childrenOf(mapRunArn: string): ChildExecution[] {
    return [...this.#ended.values(), ...this.#running.values()].filter(
      ({ record }) => record.mapRunArn === mapRunArn,
    );
  }
}
