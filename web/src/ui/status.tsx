import styles from './status.module.css';

type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'quiet';

/** The tone and the sign of each word that a state can have: never by colour alone. */
const TONES: Readonly<Record<string, readonly [Tone, string]>> = {
  pending: ['quiet', '○'],
  processing: ['busy', '◐'],
  waiting: ['warn', '‖'],
  completed: ['good', '✓'],
  failed: ['bad', '✕'],
  cancelled: ['quiet', '⊘'],
  changed: ['good', '✓'],
  unchanged: ['quiet', '='],
  gaveUp: ['bad', '✕'],
  open: ['busy', '●'],
  merged: ['good', '✓'],
  closed: ['quiet', '⊘'],
  approve: ['good', '✓'],
  reject: ['bad', '✕'],
  undecided: ['quiet', '○'],
  mixed: ['warn', '◑'],
  passing: ['good', '✓'],
  failing: ['bad', '✕'],
  revise: ['warn', '↺'],
  none: ['warn', '?'],
  'risk-low': ['good', '▽'],
  'risk-medium': ['warn', '◇'],
  'risk-high': ['bad', '▲'],
};

const WORDS: Readonly<Record<string, string>> = {
  gaveUp: 'gave up',
  approve: 'approved',
  reject: 'rejected',
};

export function Status({ value, label }: { value: string; label?: string }) {
  const [tone, sign] = TONES[value] ?? ['quiet', '?'];
  return (
    <span className={styles.status} data-tone={tone}>
      <span aria-hidden="true">{sign}</span> {label ?? WORDS[value] ?? value}
    </span>
  );
}
