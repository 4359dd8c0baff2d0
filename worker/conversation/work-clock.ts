/**
 * Keeps a repository's time limit. It stands still while the model's service has the worker wait for its rate limit, since
 * that is not work.
 */
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

  /** Aborts when the time is over. */
  get over(): AbortSignal {
    return this.#ended.signal;
  }

  /** Seconds of work, those of earlier attempts included. */
  get seconds(): number {
    const running = this.#runningSince === undefined ? 0 : Date.now() - this.#runningSince;
    return (this.#workedMs + running) / 1000;
  }

  /** Goes on, where it stands still. */
  start(): void {
    if (this.#runningSince !== undefined) return;
    this.#runningSince = Date.now();
    const leftMs = Math.max(1, Math.ceil(this.#limitMs - this.#workedMs));
    this.#timer = setTimeout(() => this.#ended.abort(new Error('the time limit is over')), leftMs).unref();
  }

  stop(): void {
    if (this.#runningSince === undefined) return;
    this.#workedMs = this.seconds * 1000;
    this.#runningSince = undefined;
    clearTimeout(this.#timer);
  }
}
