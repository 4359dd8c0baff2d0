/** GitHub's time, which may pass faster than ours: an hour of a limit or of a token in seconds of a test. */
export class Clock {
  readonly #timeScale: number;

  constructor(timeScale = 1) {
    this.#timeScale = timeScale;
  }

  /** Milliseconds since some moment. */
  now(): number {
    return performance.now() * this.#timeScale;
  }

  /** A moment of `now()` as epoch milliseconds, for a reader whose clock is not scaled. */
  toEpoch(moment: number): number {
    return Date.now() + moment - this.now();
  }
}
