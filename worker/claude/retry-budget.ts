import type { ServiceError } from './service-error.ts';

/**
 * The most that a worker waits in all its waits together. Batch allows an attempt this much on top of its time limit
 * (lambdas/steps/resolve-repositories.ts).
 */
const MAX_TOTAL_WAIT_SECONDS = 600;

/** Limits how long a worker keeps its slot while the model's service gives no complete answer. */
export class RetryBudget {
  readonly #ms: number;
  /** The length of the earlier waits, which ended with an answer. */
  #waitedMs = 0;
  readonly #exhausted = new AbortController();
  #failingSince: number | undefined;
  #lastError: ServiceError | undefined;

  /** `seconds` limits one wait: the time between two complete answers. */
  constructor(seconds: number) {
    this.#ms = seconds * 1000;
  }

  /** Aborts as soon as the next retry would exceed the budget. */
  get exhausted(): AbortSignal {
    return this.#exhausted.signal;
  }

  get lastError(): ServiceError | undefined {
    return this.#lastError;
  }

  /** The error that used up the budget; undefined if some is left. */
  get exhaustedBy(): ServiceError | undefined {
    return this.#exhausted.signal.aborted ? this.#lastError : undefined;
  }

  /** Returns whether it is the first error since a complete answer. */
  recordError(error: ServiceError): boolean {
    const isFirst = this.#failingSince === undefined;
    this.#lastError = error;
    this.#failingSince ??= Date.now();
    const waitMs = Date.now() + (error.retryAfterMs ?? 0) - this.#failingSince;
    if (waitMs >= this.#ms || this.#waitedMs + waitMs >= MAX_TOTAL_WAIT_SECONDS * 1000) this.exhaust();
    return isFirst;
  }

  exhaust(): void {
    this.#exhausted.abort();
  }

  recordAnswer(): void {
    if (this.#failingSince !== undefined) this.#waitedMs += Date.now() - this.#failingSince;
    this.#failingSince = undefined;
  }
}
