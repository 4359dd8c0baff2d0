import type { FileForm, LineEnd } from './file-form.ts';

/** Larger texts are matched by line number only. */
const MAX_CELLS = 1_000_000;

/**
 * Returns the line ends of `after`, which replaces `before` at line `first` (from 0). Existing lines keep their line end,
 * inserted lines take that of the line before them.
 */
export function alignLineEnds(form: FileForm, first: number, before: string, after: string): LineEnd[] {
  const newLines = after.split('\n');
  const places = matchLines(before.split('\n'), newLines);
  const ends: LineEnd[] = [];
  for (let i = 0; i < newLines.length - 1; i++) {
    const place = places[i];
    ends.push(place === undefined && i > 0 ? ends[i - 1]! : form.endOf(first + (place ?? 0)));
  }
  return ends;
}

/** For each new line, the index of the old line that it equals or replaces; undefined if it was inserted. */
function matchLines(before: readonly string[], after: readonly string[]): (number | undefined)[] {
  const places: (number | undefined)[] = new Array(after.length).fill(undefined);
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start])
    places[start] = start++;
  let [oldEnd, newEnd] = [before.length, after.length];
  while (oldEnd > start && newEnd > start && before[oldEnd - 1] === after[newEnd - 1])
    places[--newEnd] = --oldEnd;
  const common = commonLines(before.slice(start, oldEnd), after.slice(start, newEnd));
  let [oldAt, newAt] = [start, start];
  for (const [i, j] of [...common, [oldEnd - start, newEnd - start] as const]) {
    const [oldStop, newStop] = [start + i, start + j];
    // Changed lines between two common ones are matched in order.
    while (oldAt < oldStop && newAt < newStop) places[newAt++] = oldAt++;
    if (newStop < newEnd) places[newStop] = oldStop;
    [oldAt, newAt] = [oldStop + 1, newStop + 1];
  }
  return places;
}

/** The longest common subsequence, as pairs of indices. */
function commonLines(before: readonly string[], after: readonly string[]): [number, number][] {
  const [rows, columns] = [before.length, after.length];
  if (rows * columns > MAX_CELLS) return [];
  const width = columns + 1;
  const lengths = new Uint32Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      lengths[i * width + j] =
        before[i] === after[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < rows && j < columns; ) {
    if (before[i] === after[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return pairs;
}
