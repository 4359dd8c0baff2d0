import { TRACKING_MINUTES } from '../core/events.ts';

/** What EventBridge's schedules invoke, with the seconds between. */
const SCHEDULES = { Reconcile: 60, TrackPullRequests: TRACKING_MINUTES * 60 } as const;

export type ScheduledFunction = keyof typeof SCHEDULES;

/** However fast the clock: a schedule that never rests would measure nothing but itself. */
const MIN_SCHEDULE_MS = 250;

/**
 * As EventBridge's schedules do; at the start too, for what an ended process had not come to. Each function logs what
 * fails in it. Returns what ends them, and waits for what is under way.
 */
export function startSchedules(
  invoke: (name: ScheduledFunction) => Promise<unknown>,
  timeScale = 1,
): () => Promise<void> {
  const stops = (Object.entries(SCHEDULES) as [ScheduledFunction, number][]).map(([name, seconds]) => {
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
