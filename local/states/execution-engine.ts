import { randomUUID } from 'node:crypto';
import type { RunningExecution } from './execution.ts';
import type { ExecutionRecord } from './execution-record.ts';
import type { ExecutionStore } from './execution-store.ts';
import { History, type HistoryEvent, WHOLE } from './history.ts';
import { END_EVENTS, type ExecutionEnd, endDetails, type Machine, runMachine } from './machine.ts';
import { type Json, MAX_PAYLOAD_BYTES } from './payload.ts';
import { ServiceError } from './service-error.ts';
import type { Services } from './services.ts';

/** AWS accepts more characters, but warns that logs and file names lose them. The product's names need only these. */
const NAME = /^[A-Za-z0-9_-]{1,80}$/;

/** How long closing waits for tasks that do not stop, such as a function that ignores its signal. */
const MAX_CLOSE_MS = 10_000;

export type ExecutionEngineOptions = {
  machine: Machine;
  stateMachineName: string;
  stateMachineArn: string;
  store: ExecutionStore;
  services: Services;
  /** Called when an execution has started, was resumed or has ended. */
  onStatusChange(record: ExecutionRecord): void;
};

type Running = { execution: RunningExecution; ended: Promise<void> };

/** Runs the executions of one state machine and keeps the records of all of them. */
export class ExecutionEngine {
  readonly #options: ExecutionEngineOptions;
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #running = new Map<string, Running>();
  #closing = false;

  constructor(options: ExecutionEngineOptions) {
    this.#options = options;
    for (const record of options.store.load()) this.#records.set(record.arn, record);
  }

  /** Returns the running execution if name and input are the same. Throws ServiceError if the name is taken otherwise. */
  start(name: string = randomUUID(), input = '{}'): ExecutionRecord {
    if (this.#closing) throw new ServiceError('ServiceUnavailable', 'The engine is closing.');
    if (!NAME.test(name)) {
      throw new ServiceError(
        'InvalidName',
        `Invalid name ${JSON.stringify(name)}: needs 1 to 80 of the characters A-Z a-z 0-9 _ -`,
      );
    }
    validateInput(input);
    const arn = `${this.#options.stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
    const existing = this.#records.get(arn);
    if (existing) {
      if (existing.status === 'RUNNING' && existing.input === input) return existing;
      throw new ServiceError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    }
    const record: ExecutionRecord = {
      arn,
      name,
      stateMachineArn: this.#options.stateMachineArn,
      status: 'RUNNING',
      input,
      startDate: Date.now(),
      redriveCount: 0,
    };
    this.#options.store.save(record);
    this.#records.set(arn, record);
    const history = this.#openHistory(record);
    history.add('ExecutionStarted', { input, inputDetails: WHOLE }, record.startDate);
    this.#launch(record, history);
    return record;
  }

  /** Runs again, from its start, every execution that had not ended when the previous process died. */
  resume(): string[] {
    const unfinished = this.list().filter(
      ({ status, arn }) => status === 'RUNNING' && !this.#running.has(arn),
    );
    for (const record of unfinished) {
      record.redriveCount += 1;
      record.redriveDate = Date.now();
      this.#options.store.save(record);
      const history = this.#openHistory(record);
      history.add('ExecutionRedriven', { redriveCount: record.redriveCount });
      this.#launch(record, history);
    }
    return unfinished.map(({ name }) => name);
  }

  #launch(record: ExecutionRecord, history: History): void {
    const { machine, services, stateMachineName, stateMachineArn } = this.#options;
    const input: Json = JSON.parse(record.input);
    const execution: RunningExecution = {
      record,
      context: {
        Execution: {
          Id: record.arn,
          Name: record.name,
          StartTime: new Date(record.startDate).toISOString(),
          Input: input,
        },
        StateMachine: { Id: stateMachineArn, Name: stateMachineName },
      },
      history,
      stopping: new AbortController(),
      tasks: new Set(),
      services,
    };
    const ended = runMachine(machine, execution, input).then((end) => {
      this.#running.delete(record.arn);
      if (!this.#closing || end.status !== 'ABORTED') this.#end(record, history, end);
    });
    this.#running.set(record.arn, { execution, ended });
    this.#options.onStatusChange(record);
  }

  #end(record: ExecutionRecord, history: History, end: ExecutionEnd): void {
    // StopExecution has already put the error and the cause of a stopped execution into the record.
    const { error, cause } = end.status === 'ABORTED' ? record : end;
    Object.assign(record, end, { stopDate: Date.now(), error, cause });
    history.end(END_EVENTS[record.status]!, endDetails(record), record.stopDate!);
    this.#options.store.save(record);
    this.#options.onStatusChange(record);
  }

  /** Stops an execution, or one child of a Map run. Does nothing if it has ended. */
  async stop(arn: string, error?: string, cause?: string): Promise<ExecutionRecord> {
    const child = this.#options.services.mapRuns.child(arn);
    const record = child?.record ?? this.get(arn);
    if (record.status !== 'RUNNING') return record;
    Object.assign(record, { error, cause });
    if (child) {
      child.stopping.abort();
      return record;
    }
    const running = this.#running.get(arn);
    if (running) {
      running.execution.stopping.abort();
      await running.ended;
    } else {
      this.#end(record, this.#openHistory(record), { status: 'ABORTED' });
    }
    return record;
  }

  #openHistory({ name }: ExecutionRecord): History {
    const { store } = this.#options;
    return new History((event) => store.append(name, event), store.repairHistory(name));
  }

  get(arn: string): ExecutionRecord {
    const record = this.#options.services.mapRuns.child(arn)?.record ?? this.#records.get(arn);
    if (!record) throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    return record;
  }

  /** Latest first. */
  list(): ExecutionRecord[] {
    return latestFirst([...this.#records.values()]);
  }

  /** Forgets the ended executions whose names start with the prefix, as AWS does after 90 days. */
  forget(namePrefix: string): void {
    for (const { arn, name, status } of this.#records.values()) {
      if (status === 'RUNNING' || !name.startsWith(namePrefix)) continue;
      this.#records.delete(arn);
      this.#options.services.mapRuns.forget(arn);
      this.#options.store.remove(name);
    }
  }

  history(arn: string): HistoryEvent[] {
    return (
      this.#options.services.mapRuns.child(arn)?.events ?? this.#options.store.history(this.get(arn).name)
    );
  }

  /** Aborts running executions without recording an end, so that the next start resumes them, and waits for their tasks. */
  async close(): Promise<void> {
    this.#closing = true;
    const running = [...this.#running.values()];
    for (const { execution } of running) execution.stopping.abort();
    await Promise.all(running.map(({ ended }) => ended));
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, MAX_CLOSE_MS);
    const tasks = running.flatMap(({ execution }) => [...execution.tasks]);
    await Promise.race([Promise.allSettled(tasks), tooLong]);
    clearTimeout(timer);
  }
}

export function latestFirst(records: ExecutionRecord[]): ExecutionRecord[] {
  return records.sort((a, b) => b.startDate - a.startDate || (a.arn < b.arn ? 1 : -1));
}

function validateInput(input: string): void {
  const bytes = Buffer.byteLength(input);
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw new ServiceError(
      'InvalidExecutionInput',
      `The input has ${bytes} bytes, more than ${MAX_PAYLOAD_BYTES}.`,
    );
  }
  try {
    JSON.parse(input);
  } catch (error) {
    throw new ServiceError('InvalidExecutionInput', `The input is not JSON: ${(error as Error).message}`);
  }
}
