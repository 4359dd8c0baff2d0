import type { ChangeData, HunkData } from 'react-diff-view';
import type { PatchFile } from './patch-files.ts';

/** As many lines are one table: few enough to draw at once, and enough to colour a statement as a whole. */
const SLICE_LINES = 60;
/** A cut inside a change would draw its two sides apart; it is moved back by at most so many lines. */
const MAX_BACK = 24;
/** More of a line is not shown: it would stop the browser's layout. */
const MAX_LINE_LENGTH = 1000;

/** Lines of a hunk. They count from 1, and the offsets lead to the lines of the files. */
export type Slice = {
  key: string;
  /** The hunk's place, above its first slice. */
  head?: string;
  hunk: HunkData;
  oldOffset: number;
  newOffset: number;
  /** What is said behind a line, by its side and number. */
  notes: ReadonlyMap<string, string>;
  longestLine: number;
};

export type DiffRow =
  | { kind: 'file'; key: string; file: PatchFile; at: number }
  | { kind: 'slice'; key: string; file: PatchFile; at: number; slice: Slice }
  | { kind: 'note'; key: string; file: PatchFile; at: number; text: string }
  | { kind: 'lines'; key: string; file: PatchFile; at: number; lines: string[] };

/** What a diff shows from top to bottom. `at` is the index of the row's file. */
export function rowsOfFiles(files: readonly PatchFile[]): DiffRow[] {
  return files.flatMap((file, at): DiffRow[] => {
    const row = { file, at };
    const head: DiffRow = { kind: 'file', key: `${at}`, ...row };
    if (file.lines) {
      const parts = partsOf(file.lines, SLICE_LINES);
      return [
        head,
        {
          kind: 'note',
          key: `${at} note`,
          ...row,
          text: 'This part could not be read as a diff. It is shown as it is.',
        },
        ...parts.map((lines, i): DiffRow => ({ kind: 'lines', key: `${at} lines ${i}`, ...row, lines })),
      ];
    }
    const note = noteOf(file);
    return [
      head,
      ...(note ? [{ kind: 'note' as const, key: `${at} note`, ...row, text: note }] : []),
      ...file.hunks.flatMap((hunk, i) =>
        slicesOf(hunk, `${at} ${i}`, file.isCrlf).map(
          (slice): DiffRow => ({ kind: 'slice', key: slice.key, ...row, slice }),
        ),
      ),
    ];
  });
}

/** The index of the row with a line of a file after the change; of the first row behind it if no row has it, or -1. */
export function rowOfLine(rows: readonly DiffRow[], at: number, line: number): number {
  return rows.findIndex(
    (row) => row.at === at && row.kind === 'slice' && line <= row.slice.newOffset + row.slice.hunk.newLines,
  );
}

function noteOf({ isBinary, hunks, kind, oldMode, newMode }: PatchFile): string | undefined {
  if (isBinary) return 'A binary file: its bytes are in the patch, and are not shown.';
  if (hunks.length > 0) return undefined;
  if (kind === 'added' || kind === 'deleted') return 'The file is empty.';
  if (oldMode !== newMode) return 'Only the mode changes.';
  return 'The content stays the same.';
}

function slicesOf(
  { oldStart, newStart, oldLines, newLines, lines }: PatchFile['hunks'][number],
  key: string,
  isCrlf: boolean,
): Slice[] {
  const slices: Slice[] = [];
  let [oldOffset, newOffset] = [oldStart - 1, newStart - 1];
  for (const part of cut(lines)) {
    const slice = sliceOf(part, isCrlf);
    slices.push({
      ...slice,
      key: `${key} ${slices.length}`,
      ...(slices.length === 0 && { head: `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@` }),
      oldOffset,
      newOffset,
    });
    oldOffset += slice.hunk.oldLines;
    newOffset += slice.hunk.newLines;
  }
  return slices;
}

/** Parts of at most so many lines, if possible with the removed and the added lines of a change in one. */
function cut(lines: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let from = 0; from < lines.length; ) {
    let to = Math.min(from + SLICE_LINES, lines.length);
    for (let back = 0; back < MAX_BACK && to < lines.length; back++) {
      if (lines[to - back]![0] === ' ' || lines[to - back - 1]![0] === ' ') {
        to -= back;
        break;
      }
    }
    while (lines[to]?.[0] === '\\') to++;
    parts.push(lines.slice(from, to));
    from = to;
  }
  return parts;
}

function sliceOf(lines: readonly string[], isCrlf: boolean): Pick<Slice, 'hunk' | 'notes' | 'longestLine'> {
  const changes: ChangeData[] = [];
  const notes = new Map<string, string>();
  const note = (change: ChangeData, text: string) => {
    for (const place of placesOf(change)) notes.set(place, `${notes.get(place) ?? ''} ${text}`);
  };
  let [oldLine, newLine, longestLine] = [0, 0, 0];
  for (const line of lines) {
    if (line[0] === '\\') {
      if (changes.length > 0) note(changes.at(-1)!, 'no line end at the end of the file');
      continue;
    }
    const whole = isCrlf ? line.slice(1, -1) : line.slice(1);
    const content = whole.slice(0, MAX_LINE_LENGTH);
    longestLine = Math.max(longestLine, content.length);
    if (line[0] === '+') changes.push({ type: 'insert', content, lineNumber: ++newLine, isInsert: true });
    else if (line[0] === '-')
      changes.push({ type: 'delete', content, lineNumber: ++oldLine, isDelete: true });
    else
      changes.push({
        type: 'normal',
        content,
        oldLineNumber: ++oldLine,
        newLineNumber: ++newLine,
        isNormal: true,
      });
    if (whole.length > content.length) {
      note(changes.at(-1)!, `… the line has ${whole.length.toLocaleString('en')} characters`);
    }
  }
  const hunk = { content: '', oldStart: 1, newStart: 1, oldLines: oldLine, newLines: newLine, changes };
  return { hunk, notes, longestLine };
}

/** `old 3`, `new 4`: where a change is drawn. */
export function placesOf(change: ChangeData): string[] {
  if (change.type === 'insert') return [`new ${change.lineNumber}`];
  if (change.type === 'delete') return [`old ${change.lineNumber}`];
  return [`old ${change.oldLineNumber}`, `new ${change.newLineNumber}`];
}

function partsOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
