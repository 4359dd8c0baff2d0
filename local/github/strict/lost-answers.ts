/** A write that is carried out but not answered, as in an outage: the connection is cut instead. */
export type LostAnswer = {
  /**
   * Counts the writes of this route only, such as `POST /repos/{owner}/{repo}/git/refs`.
   * @default all writes
   */
  route?: string;
  /** Which of the successful writes, from 1. */
  nth: number;
};

/** Counts successful writes and picks those whose answer is lost. */
export class LostAnswers {
  readonly #faults: { fault: LostAnswer; seen: number }[];

  constructor(faults: readonly LostAnswer[]) {
    this.#faults = faults.map((fault) => ({ fault, seen: 0 }));
  }

  /** Counts one more successful write; returns whether its answer is lost. */
  isLost(route: string): boolean {
    let lost = false;
    for (const counted of this.#faults) {
      const { fault } = counted;
      if (fault.route !== undefined && fault.route !== route) continue;
      counted.seen++;
      lost ||= counted.seen === fault.nth;
    }
    return lost;
  }
}
