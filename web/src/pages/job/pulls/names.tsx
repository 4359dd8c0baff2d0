import { amount, count } from '../../../text/format.ts';
import { Text } from '../../../text/text.tsx';
import styles from './pulls.module.css';

const SHOWN = 200;

/** Names of repositories, folded if they are more than a line. */
export function Names({ names, label }: { names: readonly string[]; label: string }) {
  if (names.length === 0) return null;
  return (
    <details className={styles.names} open={names.length <= 6}>
      <summary>
        {label}: {amount(names.length, 'repository', 'repositories')}
      </summary>
      <ul>
        {names.slice(0, SHOWN).map((name) => (
          <li key={name}>
            <Text max={200}>{name}</Text>
          </li>
        ))}
        {names.length > SHOWN && <li>and {count(names.length - SHOWN)} more</li>}
      </ul>
    </details>
  );
}
