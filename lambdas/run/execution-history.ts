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
  /** Undefined if Step Functions has forgotten the Map run; one machine forgets Map runs when it stops. */
  mapRun(mapRunArn: string): Promise<DescribeMapRunCommandOutput | undefined>;
};

/** All who look at a running job share one reading for so long, because the calls of an account are limited. */
const FRESH_MS = 5000;

/**
 * Reads executions for people: three calls and one for each running Map run, whatever the number of repositories, and no call
 * for an execution that has ended and was read before.
 */
export class ExecutionHistory {
  readonly #client: SFNClient;
  readonly #stateMachineArn: string;
  readonly #ended = new Kept<RunHistory>();
  readonly #running = new Kept<{ at: number; reading: Promise<RunHistory | undefined> }>();
  readonly #endedMaps = new Kept<DescribeMapRunCommandOutput>();
  readonly #nowMs: () => number;
  readonly #definitions = new Kept<string>();

  constructor(settings: Settings, { nowMs = Date.now }: { nowMs?: () => number } = {}) {
    this.#client = new SFNClient({});
    this.#nowMs = nowMs;
    this.#stateMachineArn = required(settings, 'STATE_MACHINE_ARN');
  }

  /** Returns undefined if the run was never started, or Step Functions has forgotten it: it keeps ended ones for 90 days. */
  async read(run: RunId): Promise<RunHistory | undefined> {
    const executionArn = `${this.#stateMachineArn.replace(':stateMachine:', ':execution:')}:${executionName(run)}`;
    const known = this.#ended.get(executionArn);
    if (known) return known;
    const shared = this.#running.get(executionArn);
    if (shared && this.#nowMs() - shared.at < FRESH_MS) return shared.reading;
    const reading = this.#readNow(executionArn);
    this.#running.set(executionArn, { at: this.#nowMs(), reading });
    reading.then(
      // What was not started yet may be started in a moment.
      (read) => read?.execution.status !== 'RUNNING' && this.#running.delete(executionArn),
      () => this.#running.delete(executionArn),
    );
    return reading;
  }

  async #readNow(executionArn: string): Promise<RunHistory | undefined> {
    try {
      // Before the history: an execution that has ended by then has all its events.
      const execution = await this.#client.send(new DescribeExecutionCommand({ executionArn }));
      const [definition, history] = await Promise.all([
        this.#definitionOf(executionArn),
        this.#events(executionArn),
      ]);
      // Counted once a reading, so that they fit its events.
      const maps = new Map<string, Promise<DescribeMapRunCommandOutput | undefined>>();
      const mapRun = (arn: string) => {
        const counted = maps.get(arn) ?? this.#mapRun(arn);
        maps.set(arn, counted);
        return counted;
      };
      const read = { execution, definition, ...history, mapRun };
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

  async #mapRun(mapRunArn: string): Promise<DescribeMapRunCommandOutput | undefined> {
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

  delete(key: string): void {
    this.#values.delete(key);
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
