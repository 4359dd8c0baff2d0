import { useQuery } from '@tanstack/react-query';
import { pullRequestHistoryQuery } from '../../../api/queries.ts';
import type { JobPage } from '../../../api/types.ts';
import { amount, count } from '../../../text/format.ts';
import { ProblemBox } from '../../../ui/problem.tsx';
import { plotOf, SERIES } from './burn-down.ts';
import styles from './pulls.module.css';

/** The pull requests of each day by state, with the same as a table. */
export function BurnDown({ job }: { job: JobPage }) {
  const { data, error, refetch } = useQuery(pullRequestHistoryQuery(job));
  if (error && !data) return <ProblemBox error={error} retry={() => void refetch()} />;
  const newest = data?.days.at(-1);
  if (!data || !newest) return null;
  const { parts, width, most } = plotOf(data.days);
  const now = SERIES.map((series) => ({ ...series, value: series.of(newest) }));
  const sentence = now.map(({ label, value }) => `${count(value)} ${label}`).join(', ');
  return (
    <figure className={styles.plot}>
      <svg
        viewBox={`0 0 ${width} 1`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Pull requests by day, for ${amount(data.days.length, 'day')}. On ${newest.day}: ${sentence}`}
      >
        {parts.map(({ day, label, tone, x, y, height }) => (
          <rect key={`${day} ${label}`} data-tone={tone} x={x + 0.06} width={0.88} y={y} height={height}>
            <title>{`${day}: ${label}`}</title>
          </rect>
        ))}
      </svg>
      <figcaption>
        <p className={styles.axis}>
          <span>{data.days[0]!.day === newest.day ? '' : data.days[0]!.day}</span>
          <span>at most {count(most)} a day</span>
          <span>{newest.day}</span>
        </p>
        <ul className={styles.legend}>
          {now.map(({ label, tone, value }) => (
            <li key={label}>
              <span className={styles.dot} data-tone={tone} aria-hidden="true" />
              {label} <strong>{count(value)}</strong>
            </li>
          ))}
          {newest.failed > 0 && (
            <li>
              could not be opened <strong>{count(newest.failed)}</strong>
            </li>
          )}
        </ul>
        <details>
          <summary>Pull requests by day, as a table</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
          <section className={styles.days} tabIndex={0} aria-label="Pull requests by day">
            <table>
              <thead>
                <tr>
                  <th scope="col">Day</th>
                  {SERIES.map(({ label }) => (
                    <th key={label} scope="col">
                      {label}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {data.days.toReversed().map((day) => (
                  <tr key={day.day}>
                    <th scope="row">{day.day}</th>
                    {SERIES.map(({ label, of }) => (
                      <td key={label}>{count(of(day))}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </details>
      </figcaption>
    </figure>
  );
}
