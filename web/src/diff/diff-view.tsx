import './diff.css';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { visibleText } from '../../../core/hidden-characters.ts';
import { useKeys } from '../app/keys.ts';
import { count } from '../text/format.ts';
import { Text } from '../text/text.tsx';
import { FindNotice } from '../ui/find-notice.tsx';
import styles from './diff.module.css';
import { DiffSlice } from './diff-slice.tsx';
import { FileList } from './file-list.tsx';
import type { Place } from './find.ts';
import { FindInDiff } from './find-in-diff.tsx';
import { filesOf, type PatchFile } from './patch-files.ts';
import { type DiffRow, rowOfLine, rowsOfFiles } from './slices.ts';
import { keepViewed, viewedIn } from './viewed.ts';

const LINE_PX = 20;
const FILE_PX = 42;
const NARROW = '(width < 48rem)';
const SPLIT = 'cody-batch-split';

/** A patch of any length, by file: only the lines near the screen are in the document. */
export default function DiffView({
  patch,
  label,
  viewedAs,
  file,
  line,
  onFile,
}: {
  patch: string;
  label: string;
  /** The patch, by which its viewed files are kept. */
  viewedAs: string;
  /** The name of the file to begin with. */
  file?: string | undefined;
  /** A line of that file after the change, which is marked. */
  line?: number | undefined;
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
  const arrived = useRef('');
  const show = (index: number) => {
    const wanted = Math.max(0, Math.min(index, files.length - 1));
    virtual.scrollToIndex(places[wanted]!, { align: 'start' });
    setChosen(wanted);
    // A name may occur twice, and the address has only the name.
    arrived.current = addressOf(files[wanted]!.name, undefined);
    onFile?.(files[wanted]!.name);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: each address leads to its place once.
  useEffect(() => {
    const address = addressOf(file, line);
    if (first < 0 || arrived.current === address) return;
    arrived.current = address;
    const marked = line === undefined ? -1 : rowOfLine(rows, first, line);
    if (marked >= 0) virtual.scrollToIndex(marked, { align: 'start' });
    else if (first > 0) virtual.scrollToIndex(places[first]!, { align: 'start' });
    setChosen(first);
  }, [file, line]);
  const showPlace = ({ row, part }: Place) => {
    const [start] = virtual.getOffsetForIndex(row, 'start') ?? [0];
    const height = heightOf(rows[row]!);
    // With the lines before it, as a person reads it.
    virtual.scrollToOffset(Math.max(0, start + part * height - 4 * LINE_PX));
    setChosen(rows[row]!.at);
  };
  const [viewed, setViewed] = useState(() => viewedIn(viewedAs));
  const view = (index: number) => {
    const next = new Set(viewed);
    const { name } = files[index]!;
    if (!next.delete(name)) next.add(name);
    keepViewed(viewedAs, next);
    setViewed(next);
  };
  const toggleSplit = () => {
    localStorage.setItem(SPLIT, wantsSplit ? '0' : '1');
    setWantsSplit(!wantsSplit);
  };
  useKeys([
    { key: ']', does: 'next file', run: () => show(at + 1) },
    { key: '[', does: 'file before', run: () => show(at - 1) },
    {
      key: 'v',
      does: 'mark the file as viewed, and show the next one',
      run: () => {
        const wasViewed = viewed.has(files[at]!.name);
        view(at);
        if (!wasViewed && at < files.length - 1) show(at + 1);
      },
    },
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
        <FindInDiff rows={rows} scroller={scroller} onPlace={showPlace} />
        <button type="button" className={styles.split} aria-pressed={isSplit} onClick={toggleSplit}>
          Two columns
        </button>
      </div>
      <FindNotice
        isPart={rows.length > items.length}
        instead="Find in this change finds all of it: the key / leads to its field."
      />
      <div className={files.length > 1 ? styles.panes : undefined}>
        {files.length > 1 && <FileList files={files} at={at} viewed={viewed} onShow={show} onView={view} />}
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
                <Row
                  row={rows[index]!}
                  isSplit={isSplit}
                  line={rows[index]!.at === first ? line : undefined}
                />
              </div>
            ))}
          </div>
        </section>
      </div>
    </div>
  );
}

function addressOf(file: string | undefined, line: number | undefined): string {
  return `${line} ${file}`;
}

function heightOf(row: DiffRow): number {
  if (row.kind === 'slice') return (row.slice.hunk.changes.length + (row.slice.head ? 1 : 0)) * LINE_PX;
  return row.kind === 'lines' ? row.lines.length * LINE_PX : FILE_PX;
}

function Row({ row, isSplit, line }: { row: DiffRow; isSplit: boolean; line: number | undefined }) {
  if (row.kind === 'file') return <FileHead file={row.file} />;
  if (row.kind === 'note') return <p className={styles.note}>{row.text}</p>;
  if (row.kind === 'slice')
    return <DiffSlice slice={row.slice} name={row.file.name} isSplit={isSplit} marked={line} />;
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
