import type { DiffRow } from './slices.ts';

/** A line of a diff, by its row and by its part of that row, from 0 to 1. */
export type Place = { row: number; part: number };

/** The lines that contain a text, in any case, from top to bottom. */
export function placesWith(rows: readonly DiffRow[], text: string): Place[] {
  const wanted = text.toLowerCase();
  if (wanted === '') return [];
  return rows.flatMap((row, index) => {
    const lines = linesOf(row);
    return lines.flatMap((line, at) =>
      line.toLowerCase().includes(wanted) ? [{ row: index, part: at / lines.length }] : [],
    );
  });
}

function linesOf(row: DiffRow): readonly string[] {
  if (row.kind === 'slice') return row.slice.hunk.changes.map(({ content }) => content);
  return row.kind === 'lines' ? row.lines : [];
}
