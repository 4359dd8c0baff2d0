import type { Job } from '../../api/types.ts';
import { usd } from '../../text/format.ts';
import styles from './dashboard.module.css';

const DAY_MS = 86_400_000;
const HEIGHT = 64;

/** Cost by the day on which a job was created, of the jobs that are loaded, with the same as a table. */
export function SpendPlot({ jobs, days }: { jobs: readonly Job[]; days: number }) {
  const spent = byDay(jobs, days);
  const most = Math.max(...spent.map(({ usd }) => usd));
  if (most === 0) return null;
  const total = spent.reduce((sum, { usd }) => sum + usd, 0);
  return (
    <figure className={styles.plot}>
      <svg
        viewBox={`0 0 ${days} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Cost by day: ${usd(total)} in ${days} days, at most ${usd(most)} in one`}
      >
        {spent.map(({ day, usd }, index) => (
          <rect
            key={day}
            x={index + 0.1}
            width={0.8}
            y={HEIGHT - (usd / most) * HEIGHT}
            height={(usd / most) * HEIGHT}
          />
        ))}
      </svg>
      <figcaption>
        <details>
          <summary>Cost by day of the newest jobs, as a table</summary>
          <ul>
            {spent
              .filter(({ usd }) => usd > 0)
              .map((entry) => (
                <li key={entry.day}>
                  {entry.day}: {usd(entry.usd)}
                </li>
              ))}
          </ul>
        </details>
      </figcaption>
    </figure>
  );
}

function byDay(jobs: readonly Job[], days: number): { day: string; usd: number }[] {
  const sums = new Map<string, number>();
  const today = Date.now();
  for (let back = days - 1; back >= 0; back--) sums.set(dayOf(today - back * DAY_MS), 0);
  for (const { createdAt, costUsd = 0 } of jobs) {
    const day = createdAt.slice(0, 10);
    if (sums.has(day)) sums.set(day, sums.get(day)! + costUsd);
  }
  return [...sums].map(([day, sum]) => ({ day, usd: sum }));
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
