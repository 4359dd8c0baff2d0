import { TRACKING_MINUTES } from '../core/events.ts';

/** The functions that EventBridge's schedules invoke, with their intervals in seconds. */
export const SCHEDULE_SECONDS = {
  Reconcile: 60,
  TrackPullRequests: TRACKING_MINUTES * 60,
  SendNotices: 60,
} as const;

export type ScheduledFunction = keyof typeof SCHEDULE_SECONDS;

/** Asking the local GitHub costs nothing, and a person who merges there waits for the page to show it. */
export const LOCAL_TRACKING_SECONDS = 15;

/** A lower limit for any `timeScale`, because a schedule without pauses would slow down everything else. */
const MIN_SCHEDULE_MS = 250;

/**
 * Invokes functions like EventBridge's schedules, and also at the start, for the work that the previous process left
 * undone. Each function logs its errors. Returns a function that ends the schedules and waits for running invocations.
 */
export function startSchedules(
  invoke: (name: ScheduledFunction) => Promise<unknown>,
  {
    timeScale = 1,
    trackingSeconds = SCHEDULE_SECONDS.TrackPullRequests,
  }: { timeScale?: number; trackingSeconds?: number } = {},
): () => Promise<void> {
  const stops = (
    Object.entries({ ...SCHEDULE_SECONDS, TrackPullRequests: trackingSeconds }) as [
      ScheduledFunction,
      number,
    ][]
  ).map(([name, seconds]) => {
    let running: Promise<unknown> | undefined;
    const run = () => {
      running ??= invoke(name)
        .catch(() => {})
        .finally(() => {
          running = undefined;
        });
    };
    run();
    const timer = setInterval(run, Math.max(MIN_SCHEDULE_MS, (seconds * 1000) / timeScale));
    return async () => {
      clearInterval(timer);
      await running;
    };
  });
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}
