import type { StreamRecord } from './dynamodb/dynamodb-thread.ts';

type Invoke = (event: { Records: StreamRecord[] }) => Promise<unknown>;

/** Replaces the stream of the jobs table: calls JobChanged with the changes in their order, one at a time. */
export class JobChanges {
  #waiting: StreamRecord[] = [];
  #invoke: Invoke | undefined;
  #working = Promise.resolve();

  /** Changes that come before `open` wait for it. */
  put(record: StreamRecord): void {
    this.#waiting.push(record);
    const invoke = this.#invoke;
    if (invoke) this.#working = this.#working.then(() => this.#deliver(invoke));
  }

  open(invoke: Invoke): void {
    this.#invoke = invoke;
    this.#working = this.#deliver(invoke);
  }

  async #deliver(invoke: Invoke): Promise<void> {
    const Records = this.#waiting;
    if (Records.length === 0) return;
    this.#waiting = [];
    // The function logs its errors.
    await invoke({ Records }).catch(() => {});
  }

  /** Waits for the changes that are being delivered. */
  async close(): Promise<void> {
    await this.#working;
  }
}
