const MIN_PAUSE_MS = 500;
const PAUSES_PER_ELAPSED_TIME = 20;
/** The limit of pauses of a twentieth of the elapsed time; longer pauses are a hundredth of it. */
const MAX_SHORT_PAUSE_MS = 5 * 60_000;
const LONG_PAUSES_PER_ELAPSED_TIME = 100;

/**
 * The pause between two looks for publishable changes, in milliseconds, `elapsedMs` after the execution began. A job ends at
 * most one pause late. The pause is a twentieth of the elapsed time, 5 minutes from 100 minutes on, and a hundredth of the
 * elapsed time from 8.3 hours on. The number of looks grows logarithmically: about 150 in 100 minutes, 230 in 8.3 hours, 533
 * in a week and 931 in a year, which the execution history has room for (statemachine/publish-meanwhile.ts).
 */
export function pauseAfter(elapsedMs: number): number {
  const short = Math.min(MAX_SHORT_PAUSE_MS, elapsedMs / PAUSES_PER_ELAPSED_TIME);
  return Math.max(MIN_PAUSE_MS, short, elapsedMs / LONG_PAUSES_PER_ELAPSED_TIME);
}
