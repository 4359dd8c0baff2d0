import { type RefObject, useEffect, useMemo, useState } from 'react';
import { amount, count } from '../text/format.ts';
import styles from './diff.module.css';
import { type Place, placesWith } from './find.ts';
import { markFound } from './mark-found.ts';
import type { DiffRow } from './slices.ts';

/** Finds a text in the whole change, most of which is not in the document. */
export function FindInDiff({
  rows,
  scroller,
  onPlace,
}: {
  rows: readonly DiffRow[];
  scroller: RefObject<HTMLElement | null>;
  onPlace: (place: Place) => void;
}) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(-1);
  const places = useMemo(() => placesWith(rows, text), [rows, text]);
  const go = (step: number) => {
    if (places.length === 0) return;
    const next = (Math.max(at, step < 0 ? 0 : -1) + step + places.length) % places.length;
    setAt(next);
    onPlace(places[next]!);
  };
  useEffect(() => {
    const element = scroller.current;
    if (!element || text === '') return;
    const mark = () => markFound(element, text);
    mark();
    // Lines come and go with scrolling, and are drawn again in colours.
    const watcher = new MutationObserver(mark);
    watcher.observe(element, { subtree: true, childList: true, characterData: true });
    return () => {
      watcher.disconnect();
      markFound(element, '');
    };
  }, [scroller, text]);
  return (
    <search className={styles.find}>
      <input
        type="search"
        data-key="/"
        aria-label="Find in this change"
        placeholder="Find in this change"
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          setAt(-1);
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          go(event.shiftKey ? -1 : 1);
        }}
      />
      {text !== '' && (
        <>
          <span role="status">
            {at < 0 ? amount(places.length, 'line') : `${count(at + 1)} of ${count(places.length)}`}
          </span>
          <button type="button" disabled={places.length === 0} onClick={() => go(1)}>
            Next line
          </button>
        </>
      )}
    </search>
  );
}
