/** What stands in the way of an answer of the model, and may pass. */
export type Trouble = {
  /** Whether the service limits the rate or is overloaded, rather than failing or out of reach. */
  limited: boolean;
  /** In words for a log: what was received. */
  said: string;
  /** When the service wants to be asked again, in milliseconds from now. */
  retryAfterMs?: number;
  /** Whether the service says that asking again is of no use for now. */
  isFinal?: boolean;
};

/** Bounds how long a worker keeps its slot while the model's service gives no whole answer. */
export class Patience {
  readonly #ms: number;
  readonly #exhausted = new AbortController();
  #since: number | undefined;
  #trouble: Trouble | undefined;

  constructor(seconds: number) {
    this.#ms = seconds * 1000;
  }

  /** Aborts once waiting on would pass the bound. */
  get exhausted(): AbortSignal {
    return this.#exhausted.signal;
  }

  /** What was met last. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Returns whether it is the first since a whole answer. */
  meet(trouble: Trouble): boolean {
    const isFirst = this.#since === undefined;
    this.#trouble = trouble;
    this.#since ??= Date.now();
    const resumes = Date.now() + (trouble.retryAfterMs ?? 0);
    if (resumes - this.#since >= this.#ms) this.exhaust();
    return isFirst;
  }

  exhaust(): void {
    this.#exhausted.abort();
  }

  /** A whole answer came. */
  renew(): void {
    this.#since = undefined;
  }
}
