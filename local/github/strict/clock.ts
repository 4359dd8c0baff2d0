/** A clock that may run faster: an hour of a rate limit or a token passes in seconds of a test. */
export class Clock {
  readonly #timeScale: number;

  constructor(timeScale = 1) {
    this.#timeScale = timeScale;
  }

  /** Milliseconds since an arbitrary moment. */
  now(): number {
    return performance.now() * this.#timeScale;
  }

  /** A moment of `now()` as epoch milliseconds, for a client with an unscaled clock. */
  toEpoch(moment: number): number {
    return Date.now() + moment - this.now();
  }
}
