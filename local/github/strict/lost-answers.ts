/** A write that is carried out and whose answer never arrives, as in an outage: its connection is cut instead. */
export type LostAnswer = {
  /** Of the writes of this route, such as `POST /repos/{owner}/{repo}/git/refs`. @default of all writes */
  route?: string;
  /** Which of those that were carried out, from 1. */
  nth: number;
};

/** Counts the writes that were carried out. */
export class LostAnswers {
  readonly #faults: { fault: LostAnswer; seen: number }[];

  constructor(faults: readonly LostAnswer[]) {
    this.#faults = faults.map((fault) => ({ fault, seen: 0 }));
  }

  /** Whether the answer to this write, the next one carried out, is to be lost. */
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
