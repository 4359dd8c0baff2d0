/** Enforces a repository's time limit. It is stopped while the worker waits for the model's rate limit. */
export class WorkClock {
  readonly #limitMs: number;
  readonly #ended = new AbortController();
  #workedMs: number;
  #runningSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitSeconds: number, workedSeconds: number) {
    this.#limitMs = limitSeconds * 1000;
    this.#workedMs = workedSeconds * 1000;
    this.start();
  }

  /** Aborts when the limit is reached. */
  get over(): AbortSignal {
    return this.#ended.signal;
  }

  /** Seconds of work, including earlier attempts. */
  get seconds(): number {
    const running = this.#runningSince === undefined ? 0 : Date.now() - this.#runningSince;
    return (this.#workedMs + running) / 1000;
  }

  /** Does nothing if the clock is running. */
  start(): void {
    if (this.#runningSince !== undefined) return;
    this.#runningSince = Date.now();
    const leftMs = Math.max(1, Math.ceil(this.#limitMs - this.#workedMs));
    this.#timer = setTimeout(
      () => this.#ended.abort(new Error('the time limit was reached')),
      leftMs,
    ).unref();
  }

  stop(): void {
    if (this.#runningSince === undefined) return;
    this.#workedMs = this.seconds * 1000;
    this.#runningSince = undefined;
    clearTimeout(this.#timer);
  }
}
