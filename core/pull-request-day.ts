import { z } from 'zod';

const Count = z.int().nonnegative();

/** How many pull requests of a job had each state at the end of a day, or have it by now. */
export const PullRequestDay = z.object({
  /** UTC, such as 2026-01-31. */
  day: z.iso.date(),
  open: Count,
  /** Of the open ones: those whose checks pass, fail, or have not ended. The others have no checks. */
  green: Count,
  red: Count,
  pending: Count,
  merged: Count,
  closed: Count,
  failed: Count,
});
export type PullRequestDay = z.infer<typeof PullRequestDay>;

/** The days from the first to `today`. A day without a record is as the day before it was. */
export function everyDay(recorded: readonly PullRequestDay[], today: string): PullRequestDay[] {
  const byDay = new Map(recorded.map((day) => [day.day, day]));
  const [first] = [...byDay.keys()].sort();
  const days: PullRequestDay[] = [];
  for (let day = first; day !== undefined && day <= today; day = dayAfter(day))
    days.push({ ...(byDay.get(day) ?? days.at(-1)!), day });
  return days;
}

function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}
