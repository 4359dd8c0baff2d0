import { visibleParts } from '../../../core/hidden-characters.ts';
import styles from './text.module.css';
import { shortened, withoutAnsi } from './visible.ts';

/** Longer texts would stop the browser's layout. */
const MAX_LENGTH = 100_000;

/** Text that others wrote: names, prompts, errors, code. Hidden characters are shown as boxes with their code point. */
export function Text({ children, max = MAX_LENGTH }: { children: string | undefined; max?: number }) {
  if (!children) return null;
  const parts = visibleParts(shortened(children, max));
  if (parts.length === 1 && typeof parts[0] === 'string') return <bdi>{parts[0]}</bdi>;
  return (
    <bdi>
      {parts.map((part, index) =>
        typeof part === 'string' ? (
          part
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text keep their order.
          <span key={index} className={styles.hidden}>
            {part.sign}
          </span>
        ),
      )}
    </bdi>
  );
}

/** A long text in its own lines. `isOutput`: a terminal's colours are left out. */
export function Lines({
  children,
  max,
  isOutput = false,
}: {
  children: string | undefined;
  max?: number;
  isOutput?: boolean;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
    <pre className={styles.lines} tabIndex={0}>
      <Text max={max}>{isOutput && children ? withoutAnsi(children) : children}</Text>
    </pre>
  );
}
