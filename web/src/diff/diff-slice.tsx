import { memo, type ReactNode, useEffect, useState } from 'react';
import { Diff, type GutterOptions, Hunk, type TokenNode } from 'react-diff-view';
import { visibleParts } from '../../../core/hidden-characters.ts';
import { Text } from '../text/text.tsx';
import styles from './diff.module.css';
import type { Slice } from './slices.ts';
import { colouredTokens, tokensOf } from './tokens.ts';

const WORDS = { insert: 'added', delete: 'removed', normal: '' } as const;

/** Lines of a hunk as a table: plain at first, in colours as soon as the browser is idle. */
export const DiffSlice = memo(function DiffSlice({
  slice,
  name,
  isSplit,
  marked,
}: {
  slice: Slice;
  name: string;
  isSplit: boolean;
  /** A line after the change that is pointed out. */
  marked: number | undefined;
}) {
  const [tokens, setTokens] = useState(() => tokensOf(slice));
  useEffect(() => {
    const ending = new AbortController();
    void colouredTokens(slice, name, ending.signal).then((coloured) => {
      if (coloured && !ending.signal.aborted) setTokens(coloured);
    });
    return () => ending.abort();
  }, [slice, name]);
  const mark = (line: number, type?: 'insert') => {
    const shown = type ? number(line, type) : line;
    return line === marked ? <mark>{shown}</mark> : shown;
  };
  const gutter = ({ change, side }: GutterOptions) => {
    if (change.type === 'insert')
      return side === 'new' ? mark(change.lineNumber + slice.newOffset, change.type) : '';
    if (change.type === 'delete')
      return side === 'old' ? number(change.lineNumber + slice.oldOffset, change.type) : '';
    return side === 'old'
      ? change.oldLineNumber + slice.oldOffset
      : mark(change.newLineNumber + slice.newOffset);
  };
  return (
    <>
      {slice.head && <p className={styles.hunk}>{slice.head}</p>}
      <Diff
        diffType="modify"
        viewType={isSplit ? 'split' : 'unified'}
        hunks={[slice.hunk]}
        tokens={tokens}
        renderToken={(token, _default, index) => node(token, index)}
        renderGutter={gutter}
      >
        {(hunks) => hunks.map((hunk) => <Hunk key={slice.key} hunk={hunk} />)}
      </Diff>
    </>
  );
});

/** The word is for readers that do not see the colour. */
function number(line: number, type: 'insert' | 'delete'): ReactNode {
  return (
    <>
      <span className="visually-hidden">{WORDS[type]}</span>
      {line}
    </>
  );
}

/** A piece of a line. Hidden characters are marked; most pieces have none, and are then a text without an element. */
function node({ type, value, children, className, properties }: TokenNode, index: number): ReactNode {
  if (type === 'text') return shown(value, index);
  if (type === 'note')
    return (
      <span key={index} className={styles.lineNote}>
        {value}
      </span>
    );
  const names = [className ?? properties?.className ?? []].flat().join(' ');
  return (
    <span key={index} className={type === 'edit' ? 'diff-code-edit' : names}>
      {value ? shown(value, 0) : children?.map(node)}
    </span>
  );
}

function shown(text: string, key: number): ReactNode {
  const parts = visibleParts(text);
  return parts.length === 1 && typeof parts[0] === 'string' ? parts[0] : <Text key={key}>{text}</Text>;
}
