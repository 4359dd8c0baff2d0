import Table from 'cli-table3';
import stringWidth from 'string-width';
import { printableLine } from '../../core/printable.ts';
import { type OutStream, streams, widthOf } from './streams.ts';
import { style } from './style.ts';

export type Column<T> = {
  heading: string;
  /** The cell's text, which may be untrusted. */
  cell: (row: T) => string;
  /** Colours the cell's text. */
  style?: (text: string) => string;
  isRight?: boolean;
  /** Columns with the highest number are left out first where the terminal is narrow; 0 always stays. @default 0 */
  drop?: number;
};

const GAP = 2;
const BETWEEN = ' '.repeat(GAP);

/**
 * Rows as a table of text without lines. On a terminal no line is longer than its width: columns are left out, and then the
 * first one is cut. In a pipe everything is shown.
 */
export function table<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  stream: OutStream = streams.out,
): string {
  const width = widthOf(stream);
  const shown = fitting(rows, columns, width);
  const widths = shown.map((column) => naturalWidth(rows, column));
  const excess = width === undefined ? 0 : widths.reduce((sum, one) => sum + one + GAP, -GAP) - (width - 1);
  if (excess > 0) widths[0] = Math.max(8, widths[0]! - excess);
  const text = new Table({
    head: shown.map(({ heading }) => style(['bold', 'underline'], heading, stream)),
    colWidths: widths,
    colAligns: shown.map(({ isRight }) => (isRight ? 'right' : 'left')),
    chars: { ...NO_LINES, middle: BETWEEN },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const row of rows) {
    text.push(
      shown.map(({ cell, style: coloured }) => {
        const plain = printableLine(cell(row));
        return coloured ? coloured(plain) : plain;
      }),
    );
  }
  return text
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** The columns that fit, after those that may be left out. */
export function fitting<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  width: number | undefined,
): Column<T>[] {
  let shown = [...columns];
  const total = () => shown.reduce((sum, column) => sum + naturalWidth(rows, column) + GAP, -GAP);
  while (width !== undefined && total() > width - 1) {
    const last = Math.max(...shown.map(({ drop = 0 }) => drop));
    if (last === 0) break;
    shown = shown.filter(({ drop = 0 }) => drop !== last);
  }
  return shown;
}

function naturalWidth<T>(rows: readonly T[], { heading, cell }: Column<T>): number {
  return rows.reduce(
    (most, row) => Math.max(most, stringWidth(printableLine(cell(row)))),
    stringWidth(heading),
  );
}

const NO_LINES = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((name) => [name, '']),
);
