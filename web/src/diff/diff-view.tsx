import './diff.css';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { visibleText } from '../../../core/hidden-characters.ts';
import { useKeys } from '../app/keys.ts';
import { count } from '../text/format.ts';
import { Text } from '../text/text.tsx';
import styles from './diff.module.css';
import { DiffSlice } from './diff-slice.tsx';
import { filesOf, type PatchFile } from './patch-files.ts';
import { type DiffRow, rowsOfFiles } from './slices.ts';

const LINE_PX = 20;
const FILE_PX = 42;
const NARROW = '(width < 48rem)';
const SPLIT = 'cody-batch-split';

/** A patch of any length, by file: only the lines near the screen are in the document. */
export default function DiffView({
  patch,
  label,
  file,
  onFile,
}: {
  patch: string;
  label: string;
  /** The name of the file to begin with. */
  file?: string | undefined;
  onFile?: (name: string) => void;
}) {
  const files = useMemo(() => filesOf(patch), [patch]);
  const rows = useMemo(() => rowsOfFiles(files), [files]);
  const places = useMemo(() => rows.flatMap(({ kind }, index) => (kind === 'file' ? index : [])), [rows]);
  const [wantsSplit, setWantsSplit] = useState(() => localStorage.getItem(SPLIT) === '1');
  const isSplit = wantsSplit && !window.matchMedia(NARROW).matches;
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => `${rows[index]!.key} ${isSplit}`,
    estimateSize: (index) => heightOf(rows[index]!),
    overscan: 1,
  });
  const items = virtual.getVirtualItems();
  const first = files.findIndex(({ name }) => name === file);
  const [chosen, setChosen] = useState(first);
  const offset = virtual.scrollOffset ?? 0;
  const top = items.find(({ end }) => end > offset + 1) ?? items[0];
  // The last files cannot be scrolled to the top, so a chosen one counts as long as its head is on screen.
  const isOnScreen = items.some(
    ({ index, start, end }) =>
      index === places[chosen] && end > offset && start < offset + (virtual.scrollRect?.height ?? 0),
  );
  const at = isOnScreen ? chosen : top ? rows[top.index]!.at : 0;
  const show = (index: number) => {
    const wanted = Math.max(0, Math.min(index, files.length - 1));
    virtual.scrollToIndex(places[wanted]!, { align: 'start' });
    setChosen(wanted);
    onFile?.(files[wanted]!.name);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address leads to a file once.
  useEffect(() => {
    if (first > 0) virtual.scrollToIndex(places[first]!, { align: 'start' });
  }, []);
  const toggleSplit = () => {
    localStorage.setItem(SPLIT, wantsSplit ? '0' : '1');
    setWantsSplit(!wantsSplit);
  };
  useKeys([
    { key: ']', does: 'next file', run: () => show(at + 1) },
    { key: '[', does: 'file before', run: () => show(at - 1) },
    { key: 's', does: 'show the sides of a diff in two columns, or in one', run: toggleSplit },
  ]);
  return (
    <div className={styles.view}>
      <div className={styles.toolbar}>
        <label>
          <span className="visually-hidden">File</span>
          <select value={at} onChange={({ target }) => show(Number(target.value))}>
            {files.map(({ name }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: files keep their order, and a name may occur twice.
              <option key={index} value={index}>
                {visibleText(name).slice(0, 200)}
              </option>
            ))}
          </select>
        </label>
        <span>
          {count(at + 1)} of {count(files.length)}
        </span>
        <button type="button" disabled={at === 0} onClick={() => show(at - 1)}>
          File before
        </button>
        <button type="button" disabled={at >= files.length - 1} onClick={() => show(at + 1)}>
          Next file
        </button>
        <Lines
          additions={files.reduce((sum, { additions }) => sum + additions, 0)}
          deletions={files.reduce((sum, { deletions }) => sum + deletions, 0)}
        />
        <button type="button" className={styles.split} aria-pressed={isSplit} onClick={toggleSplit}>
          Two columns
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <section ref={scroller} className={styles.scroller} tabIndex={0} aria-label={label}>
        <div style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, key, start }) => (
            <div
              key={key}
              ref={virtual.measureElement}
              data-index={index}
              className={styles.item}
              style={{ transform: `translateY(${start}px)` }}
            >
              <Row row={rows[index]!} isSplit={isSplit} />
            </div>
          ))}
        </div>
      </section>
    </div>
  );
}

function heightOf(row: DiffRow): number {
  if (row.kind === 'slice') return (row.slice.hunk.changes.length + (row.slice.head ? 1 : 0)) * LINE_PX;
  return row.kind === 'lines' ? row.lines.length * LINE_PX : FILE_PX;
}

function Row({ row, isSplit }: { row: DiffRow; isSplit: boolean }) {
  if (row.kind === 'file') return <FileHead file={row.file} />;
  if (row.kind === 'note') return <p className={styles.note}>{row.text}</p>;
  if (row.kind === 'slice') return <DiffSlice slice={row.slice} name={row.file.name} isSplit={isSplit} />;
  return (
    <pre className={styles.lines}>
      {row.lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines keep their order.
        <div key={index}>
          <Text max={1000}>{line}</Text>
        </div>
      ))}
    </pre>
  );
}

function FileHead({ file }: { file: PatchFile }) {
  const { name, oldName, kind, oldMode, newMode, isBinary, isCrlf } = file;
  return (
    <div className={styles.file}>
      <h2>
        {oldName !== undefined && (
          <>
            <Text max={1000}>{oldName}</Text> →{' '}
          </>
        )}
        <Text max={1000}>{name}</Text>
      </h2>
      {kind !== 'modified' && <span>{kind}</span>}
      {newMode && kind === 'added' && newMode !== '100644' && <span>mode {newMode}</span>}
      {oldMode && newMode && oldMode !== newMode && (
        <span>
          mode {oldMode} → {newMode}
        </span>
      )}
      {isBinary && <span>binary</span>}
      {isCrlf && <span>CRLF line ends</span>}
      <Lines additions={file.additions} deletions={file.deletions} />
    </div>
  );
}

function Lines({ additions, deletions }: { additions: number; deletions: number }) {
  return (
    <span className={styles.counts}>
      <span data-kind="added">+{count(additions)}</span> <span data-kind="removed">−{count(deletions)}</span>
    </span>
  );
}
