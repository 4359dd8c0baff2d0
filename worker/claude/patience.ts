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

/**
 * The most that a worker waits in all, however often the service comes back in between: what Batch gives an attempt on top
 * of its time limit (lambdas/steps/resolve-repositories.ts).
 */
export const LONGEST_WAIT_SECONDS = 600;

/** Bounds how long a worker keeps its slot while the model's service gives no whole answer. */
export class Patience {
  readonly #ms: number;
  /** What earlier waits came to. */
  #waitedMs = 0;
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
    const waits = resumes - this.#since;
    if (waits >= this.#ms || this.#waitedMs + waits >= LONGEST_WAIT_SECONDS * 1000) this.exhaust();
    return isFirst;
  }

  exhaust(): void {
    this.#exhausted.abort();
  }

  /** A whole answer came. */
  renew(): void {
    if (this.#since !== undefined) this.#waitedMs += Date.now() - this.#since;
    this.#since = undefined;
  }
}
