const SHORTEST_MS = 500;
const SHORT_SHARE = 20;
/** The longest of the pauses that are a twentieth of what has passed; from there on they are a hundredth of it. */
const LONG_MS = 5 * 60_000;
const LONG_SHARE = 100;

/**
 * How long after one look at a job's changes the next may begin, in milliseconds, `elapsedMs` after its execution began. A
 * job waits at most that long for its last look, so it is a twentieth of what the job has taken, 5 minutes from 100 minutes
 * on, and a hundredth from 8.3 hours on. So the looks grow by the logarithm of the time: about 150 in 100 minutes, 230 in
 * 8.3 hours, 533 in a week and 931 in a year, which the history has room for (statemachine/publish-meanwhile.ts).
 */
export function pauseAfter(elapsedMs: number): number {
  const short = Math.min(LONG_MS, elapsedMs / SHORT_SHARE);
  return Math.max(SHORTEST_MS, short, elapsedMs / LONG_SHARE);
}
