import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  DescribeMapRunCommand,
  type DescribeMapRunCommandOutput,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  ExecutionDoesNotExist,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ResourceNotFound,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { executionName, type RunId } from '../../core/execution.ts';
import { required, type Settings } from '../../core/settings.ts';

/**
 * Events read from the start of a history: those before a Map, which may then run for days, are fewer than 50.
 */
const FIRST_EVENTS = 200;
/** Events read from its end: about 60 rounds of publish-meanwhile.ts. A history has up to 25,000. */
const LAST_EVENTS = 1000;

/** What Step Functions knows of a run. */
export type RunHistory = {
  execution: Pick<
    DescribeExecutionCommandOutput,
    'executionArn' | 'status' | 'startDate' | 'stopDate' | 'error' | 'cause'
  >;
  /** The definition that the execution runs, which a later deployment does not change. */
  definition: string;
  /** By id. */
  events: HistoryEvent[];
  /** False if events between the first and the last ones were not read. */
  isComplete: boolean;
};

/**
 * Reads executions for people: three calls and one for each running Map run, whatever the number of repositories, and no call
 * for an execution that has ended and was read before.
 */
export class ExecutionHistory {
  readonly #client: SFNClient;
  readonly #stateMachineArn: string;
  readonly #ended = new Kept<RunHistory>();
  readonly #endedMaps = new Kept<DescribeMapRunCommandOutput>();
  readonly #definitions = new Kept<string>();

  constructor(settings: Settings) {
    this.#client = new SFNClient({});
    this.#stateMachineArn = required(settings, 'STATE_MACHINE_ARN');
  }

  /** Returns undefined if the run was never started, or Step Functions has forgotten it: it keeps ended ones for 90 days. */
  async read(run: RunId): Promise<RunHistory | undefined> {
    const executionArn = `${this.#stateMachineArn.replace(':stateMachine:', ':execution:')}:${executionName(run)}`;
    const known = this.#ended.get(executionArn);
    if (known) return known;
    try {
      // Before the history: an execution that has ended by then has all its events.
      const execution = await this.#client.send(new DescribeExecutionCommand({ executionArn }));
      const [definition, history] = await Promise.all([
        this.#definitionOf(executionArn),
        this.#events(executionArn),
      ]);
      const read = { execution, definition, ...history };
      if (execution.status !== 'RUNNING') this.#ended.set(executionArn, read);
      return read;
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return undefined;
      throw error;
    }
  }

  /** The definition that an execution started now would run. */
  async currentDefinition(): Promise<string> {
    const { definition } = await this.#client.send(
      new DescribeStateMachineCommand({ stateMachineArn: this.#stateMachineArn }),
    );
    return definition!;
  }

  /** Returns undefined if Step Functions has forgotten it; one machine forgets Map runs when it stops. */
  async mapRun(mapRunArn: string): Promise<DescribeMapRunCommandOutput | undefined> {
    const known = this.#endedMaps.get(mapRunArn);
    if (known) return known;
    try {
      const run = await this.#client.send(new DescribeMapRunCommand({ mapRunArn }));
      if (run.status !== 'RUNNING') this.#endedMaps.set(mapRunArn, run);
      return run;
    } catch (error) {
      if (error instanceof ResourceNotFound) return undefined;
      throw error;
    }
  }

  async #definitionOf(executionArn: string): Promise<string> {
    const known = this.#definitions.get(executionArn);
    if (known) return known;
    const { definition } = await this.#client.send(
      new DescribeStateMachineForExecutionCommand({ executionArn }),
    );
    this.#definitions.set(executionArn, definition!);
    return definition!;
  }

  async #events(executionArn: string): Promise<Pick<RunHistory, 'events' | 'isComplete'>> {
    const first = await this.#client.send(
      new GetExecutionHistoryCommand({
        executionArn,
        includeExecutionData: false,
        maxResults: FIRST_EVENTS,
      }),
    );
    const events = first.events ?? [];
    if (first.nextToken === undefined) return { events, isComplete: true };
    const last = await this.#client.send(
      new GetExecutionHistoryCommand({
        executionArn,
        includeExecutionData: false,
        maxResults: LAST_EVENTS,
        reverseOrder: true,
      }),
    );
    const after = events.at(-1)!.id!;
    const later = (last.events ?? []).filter(({ id }) => id! > after).reverse();
    return { events: [...events, ...later], isComplete: later[0]?.id === after + 1 };
  }
}

/** The last values that do not change any more; enough for the runs that people look at. */
class Kept<T> {
  readonly #values = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: T): void {
    this.#values.set(key, value);
    if (this.#values.size <= MAX_KEPT) return;
    const [oldest] = this.#values.keys();
    this.#values.delete(oldest!);
  }
}

/** A history has up to about 300 KB. */
const MAX_KEPT = 50;
