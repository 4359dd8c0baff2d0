import { randomUUID } from 'node:crypto';
import type { RunningExecution } from './execution.ts';
import type { ExecutionRecord } from './execution-record.ts';
import { History, type HistoryEvent, WHOLE } from './history.ts';
import { END_EVENTS, endDetails, type Machine, runMachine } from './machine.ts';
import type { ChildExecution, MapRun } from './map-runs.ts';
import { encodePayload, type Json, type JsonObject } from './payload.ts';
import { type ResultFiles, resultRecord } from './result-files.ts';
import { executionStopped, StateError } from './state-error.ts';

/**
 * Runs the child executions of one Map run in the order of the items, at most `maxConcurrency` at a time. UpdateMapRun may
 * change that number meanwhile: more children start at once, and fewer run as those under way end.
 */
export class Children {
  readonly #machine: Machine;
  readonly #parent: RunningExecution;
  readonly #run: MapRun;
  readonly #files: ResultFiles;
  readonly #items: readonly Json[];
  readonly #selectInput: (item: Json, index: number) => Json;
  readonly #running = new Set<AbortController>();
  readonly #done = Promise.withResolvers<void>();
  #places = 0;
  #next = 0;
  #failure: unknown;

  constructor(
    machine: Machine,
    parent: RunningExecution,
    run: MapRun,
    files: ResultFiles,
    items: readonly Json[],
    selectInput: (item: Json, index: number) => Json,
  ) {
    this.#machine = machine;
    this.#parent = parent;
    this.#run = run;
    this.#files = files;
    this.#items = items;
    this.#selectInput = selectInput;
  }

  get failedTooOften(): boolean {
    const { counts, total, toleratedFailurePercentage } = this.#run;
    const failed = counts.FAILED + counts.TIMED_OUT + counts.ABORTED;
    return failed * 100 > toleratedFailurePercentage * total;
  }

  /** Runs all children and writes their results. Returns the manifest's key. */
  async complete(bucket: string): Promise<string> {
    await this.#runAll();
    if (this.#parent.stopping.signal.aborted) throw executionStopped();
    return this.#writeResults(bucket);
  }

  async #runAll(): Promise<void> {
    const { signal } = this.#parent.stopping;
    const stop = () => this.#stopAll();
    signal.addEventListener('abort', stop, { once: true });
    this.#run.resized = () => this.#openPlaces();
    try {
      this.#openPlaces();
      if (this.#places > 0) await this.#done.promise;
    } finally {
      delete this.#run.resized;
      signal.removeEventListener('abort', stop);
    }
    if (this.#failure) throw this.#failure;
  }

  #stopAll(): void {
    for (const stopping of this.#running) stopping.abort();
  }

  #mayContinue(): boolean {
    return !this.#parent.stopping.signal.aborted && !this.#failure && !this.failedTooOften;
  }

  #openPlaces(): void {
    while (this.#places < this.#run.maxConcurrency && this.#hasNext()) {
      this.#places += 1;
      void this.#occupyPlace().then(() => {
        this.#places -= 1;
        if (this.#places === 0) this.#done.resolve();
      });
    }
  }

  #hasNext(): boolean {
    return this.#next < this.#items.length && this.#mayContinue();
  }

  async #occupyPlace(): Promise<void> {
    while (this.#hasNext() && this.#places <= this.#run.maxConcurrency) {
      const index = this.#next;
      this.#next += 1;
      try {
        await this.#runChild(index);
      } catch (error) {
        this.#failure ??= error;
      }
      if (!this.#mayContinue()) this.#stopAll();
    }
  }

  async #runChild(index: number): Promise<void> {
    const input = this.#selectInput(this.#items[index]!, index);
    const child = this.#child(input);
    const { record, history } = child;
    const { counts } = this.#run;
    const { mapRuns } = this.#parent.services;
    this.#running.add(child.stopping);
    mapRuns.childStarted(child);
    counts.RUNNING += 1;
    history.add('ExecutionStarted', { input: record.input, inputDetails: WHOLE }, record.startDate);

    const end = await runMachine(this.#machine, child, input);
    const stopDate = Date.now();
    Object.assign(record, end, { stopDate });
    history.end(END_EVENTS[end.status]!, endDetails(record), stopDate);
    this.#running.delete(child.stopping);
    mapRuns.childEnded(child);
    counts.RUNNING -= 1;
    counts[end.status] += 1;
    await this.#write(end.status === 'SUCCEEDED' ? 'SUCCEEDED' : 'FAILED', resultRecord(record));
  }

  #child(input: Json): RunningExecution & ChildExecution {
    const { services, tasks } = this.#parent;
    const name = randomUUID();
    const { stateMachineArn } = this.#run;
    const record: ExecutionRecord = {
      arn: `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`,
      name,
      stateMachineArn,
      status: 'RUNNING',
      input: JSON.stringify(input),
      startDate: Date.now(),
      redriveCount: 0,
      mapRunArn: this.#run.arn,
    };
    const events: HistoryEvent[] = [];
    return {
      record,
      events,
      context: {
        Execution: {
          Id: record.arn,
          Name: name,
          StartTime: new Date(record.startDate).toISOString(),
          Input: input,
        },
        StateMachine: {
          Id: stateMachineArn,
          Name: stateMachineArn.slice(stateMachineArn.lastIndexOf(':') + 1),
        },
      },
      history: new History((event) => events.push(event)),
      stopping: new AbortController(),
      tasks,
      services,
    };
  }

  async #write(kind: 'SUCCEEDED' | 'FAILED' | 'PENDING', record: JsonObject): Promise<void> {
    await this.#files.add(kind, record).catch((error) => {
      throw new StateError('States.ResultWriterFailed', (error as Error).message);
    });
    this.#run.resultsWritten += 1;
  }

  /** Writes items that were never started as PENDING, then the manifest. Returns the manifest's key. */
  async #writeResults(bucket: string): Promise<string> {
    for (let index = this.#next; index < this.#items.length; index += 1) {
      const Input = encodePayload(
        this.#selectInput(this.#items[index]!, index),
        'The input of a child execution',
      );
      await this.#write('PENDING', { Input, InputDetails: { Included: true }, Status: 'PENDING' });
    }
    try {
      return await this.#files.finish(bucket, this.#run.arn);
    } catch (error) {
      throw new StateError('States.ResultWriterFailed', (error as Error).message);
    }
  }
}
