import { useEffect, useState } from 'react';
import styles from './problem.module.css';

/** Says, as soon as a person searches by the browser, that most of a long list is not in the document, and what finds it. */
export function FindNotice({ isPart, instead }: { isPart: boolean; instead: string }) {
  const [isAsked, setAsked] = useState(false);
  useEffect(() => {
    const listen = ({ key, ctrlKey, metaKey }: KeyboardEvent) => {
      if (key === 'F3' || ((ctrlKey || metaKey) && key.toLowerCase() === 'f')) setAsked(true);
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
  if (!isAsked || !isPart) return null;
  return (
    <p className={styles.stale} role="status">
      The browser searches only what is on screen here. {instead}{' '}
      <button type="button" onClick={() => setAsked(false)}>
        Close
      </button>
    </p>
  );
}
