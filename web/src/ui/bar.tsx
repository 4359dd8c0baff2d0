import { count } from '../text/format.ts';
import styles from './bar.module.css';

export type Segment = {
  label: string;
  value: number;
  tone: 'good' | 'good-2' | 'bad' | 'warn' | 'busy' | 'quiet';
};

/** A stacked bar with its numbers as text. */
export function Bar({
  label,
  segments,
  total,
  format = count,
}: {
  label: string;
  segments: readonly Segment[];
  total: number;
  format?: (value: number) => string;
}) {
  const shown = segments.filter(({ value }) => value > 0);
  const sentence = shown.map((segment) => `${format(segment.value)} ${segment.label}`).join(', ');
  return (
    <div
      className={styles.bar}
      role="img"
      aria-label={`${label}: ${sentence || 'nothing'} of ${format(total)}`}
    >
      {shown.map((segment) => (
        <span
          key={segment.label}
          data-tone={segment.tone}
          title={`${segment.label}: ${format(segment.value)}`}
          style={{ flexGrow: segment.value / (total || 1) }}
        />
      ))}
      <span
        className={styles.rest}
        style={{ flexGrow: Math.max(0, 1 - shown.reduce((sum, { value }) => sum + value, 0) / (total || 1)) }}
      />
    </div>
  );
}

/** What the colours of a bar mean. */
export function Legend({
  segments,
  format = count,
}: {
  segments: readonly Segment[];
  format?: (value: number) => string;
}) {
  return (
    <ul className={styles.legend}>
      {segments
        .filter(({ value }) => value > 0)
        .map((segment) => (
          <li key={segment.label}>
            <span className={styles.dot} data-tone={segment.tone} aria-hidden="true" />
            {segment.label} <strong>{format(segment.value)}</strong>
          </li>
        ))}
    </ul>
  );
}
