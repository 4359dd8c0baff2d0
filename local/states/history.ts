import type { StateMachine } from 'aws-local-stepfunctions';
import { encodePayload } from './payload.ts';
import { executionStopped, runtimeError, StateError } from './state-error.ts';

/** The events of aws-local-stepfunctions, which become the events of the history. */
type EngineEvents = ReturnType<StateMachine['run']>['eventLogs'];

/**
 * One event as GetExecutionHistory gives it: `timestamp` in epoch seconds, and the details under the type's own key
 * (`taskSucceededEventDetails`).
 */
export type HistoryEvent = {
  id: number;
  previousEventId: number;
  timestamp: number;
  type: string;
  [details: string]: unknown;
};

/** AWS truncates some payloads in events; here none is truncated. */
export const WHOLE = { truncated: false };

/** AWS ends an execution at this number: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const MAX_EVENTS = 25_000;

function detailsKey(type: string): string {
  if (type.endsWith('StateEntered')) return 'stateEnteredEventDetails';
  if (type.endsWith('StateExited')) return 'stateExitedEventDetails';
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
}

/** The types of state that have an Aborted event on AWS. The others take no time. */
const ABORTABLE = ['Task', 'Wait', 'Map'];

/** The part of a history that all branches of an execution share. */
type Log = {
  record: (event: HistoryEvent) => void;
  lastId: number;
  ended: boolean;
  violation?: StateError;
};

/**
 * The history of one execution. aws-local-stepfunctions reports states through a stream that lags behind, while the
 * bodies of states add the events of tasks and Map runs directly. `turnOf` keeps the two in order.
 */
export class History {
  readonly #log: Log;
  /** The id of the previous event of this execution or branch. */
  #lastId: number;
  #ended = false;
  /** The type of the state that was entered and has not been exited. */
  #within: string | undefined;
  /** The state that the stream reported as entered or retried, and whose body has not begun. */
  #turn: string | undefined;
  #waiting: { state: string; resolve: () => void; reject: (reason: unknown) => void } | undefined;
  #streamEnded = false;

  constructor(
    record: (event: HistoryEvent) => void,
    lastId = 0,
    log: Log = { record, lastId, ended: false },
  ) {
    this.#log = log;
    this.#lastId = lastId;
  }

  /** An error that ends the execution and that no Catch applies to: a payload or the history is too long. */
  get violation(): StateError | undefined {
    return this.#log.violation;
  }

  /** The history of a branch: ids are shared with the other branches, and previousEventId stays within the branch. */
  branch(): History {
    return new History(this.#log.record, this.#lastId, this.#log);
  }

  /** Records that the current state of a branch is aborted because another branch failed. Drops later events of it. */
  abortBranch(): void {
    const type = this.#within ?? '';
    if (type === 'Map') this.add('MapRunAborted');
    if (ABORTABLE.includes(type)) this.add(`${type}StateAborted`);
    this.#ended = true;
  }

  add(type: string, details?: object, at = Date.now()): void {
    if (this.#ended || this.#log.ended) return;
    if (this.#log.lastId >= MAX_EVENTS - 1) {
      this.#log.violation ??= runtimeError(
        `The execution reached the maximum number of history events (${MAX_EVENTS}).`,
      );
      return;
    }
    this.#write(type, details, at);
  }

  /** Adds the last event. Later events, such as those of a stopped task, are dropped. */
  end(type: string, details: object, at: number): void {
    if (this.#log.ended) return;
    this.#log.ended = true;
    this.#write(type, details, at);
  }

  #write(type: string, details: object | undefined, at: number): void {
    const previousEventId = this.#lastId;
    this.#log.lastId += 1;
    this.#lastId = this.#log.lastId;
    const event: HistoryEvent = { id: this.#lastId, previousEventId, timestamp: at / 1000, type };
    if (details) event[detailsKey(type)] = details;
    this.#log.record(event);
  }

  /** Records the engine's events until it has ended. `types` has the types that the states had before the lowering. */
  async follow(events: EngineEvents, types: ReadonlyMap<string, string>): Promise<void> {
    for await (const event of events) {
      if (event.type === 'StateEntered') {
        const { name } = event.state;
        const input = this.#payload(event.state.input, `The input of state '${name}'`);
        this.#within = types.get(name);
        this.add(`${types.get(name)}StateEntered`, { name, input, inputDetails: WHOLE }, event.timestamp);
        this.#give(name);
      } else if (event.type === 'StateRetried') {
        this.#give(event.state.name);
      } else if (event.type === 'StateExited') {
        const { name } = event.state;
        this.#within = undefined;
        const output = this.#payload(event.state.output, `The output of state '${name}'`);
        this.add(`${types.get(name)}StateExited`, { name, output, outputDetails: WHOLE }, event.timestamp);
      }
    }
    this.#streamEnded = true;
    this.#waiting?.reject(executionStopped());
  }

  #payload(value: unknown, what: string): string {
    try {
      return encodePayload(value, what);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      this.#log.violation ??= error;
      return '';
    }
  }

  #give(state: string): void {
    this.#turn = state;
    if (this.#waiting?.state !== state) return;
    this.#waiting.resolve();
    this.#waiting = undefined;
  }

  /** Resolves when StateEntered of `state` is recorded, so that the events of its body follow it. */
  async turnOf(state: string): Promise<void> {
    if (this.#streamEnded) throw executionStopped();
    if (this.#turn !== state) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting = { state, resolve, reject };
      });
    }
    this.#turn = undefined;
    if (this.violation) throw this.violation;
  }
}
