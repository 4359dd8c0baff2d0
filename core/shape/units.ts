import type { Run } from './patch.ts';
import { type Effort, isWord, MAX_LINE, tokenize } from './tokens.ts';

/** Runs with more pairs to try than this are not aligned. */
const MAX_PAIRS = 2_500;
/** The least share of equal words that makes two lines one line before and after. */
const ALIKE = 0.5;

/** A line before and after, or a block of lines without counterparts. */
export type Unit = { line: [string, string] } | { block: Run };

/**
 * Pairs the lines of a run: in their order where as many were removed as added, else those that share most of their words.
 */
export function unitsOf({ removed, added }: Run, effort: Effort): Unit[] {
  if (removed.length === added.length) return removed.map((line, i) => ({ line: [line, added[i]!] }));
  const units: Unit[] = [];
  let [i, j] = [0, 0];
  const block = (toI: number, toJ: number) => {
    if (i < toI || j < toJ)
      units.push({ block: { removed: removed.slice(i, toI), added: added.slice(j, toJ) } });
  };
  for (const [atI, atJ] of aligned(removed, added, effort)) {
    block(atI, atJ);
    units.push({ line: [removed[atI]!, added[atJ]!] });
    [i, j] = [atI + 1, atJ + 1];
  }
  block(removed.length, added.length);
  return units;
}

/** The pairs whose likeness sums up to the most, in the order of the lines. */
function aligned(removed: readonly string[], added: readonly string[], effort: Effort): [number, number][] {
  const [rows, columns] = [removed.length, added.length];
  if (rows === 0 || columns === 0 || rows * columns > MAX_PAIRS) return [];
  const before = removed.map(wordsOf);
  const after = added.map(wordsOf);
  const width = columns + 1;
  const likeness = new Float64Array(rows * columns);
  const best = new Float64Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      // Looking a word up takes as long as a few steps.
      effort.spend(3 * (before[i]!.size + 1));
      const alike = likenessOf(before[i]!, after[j]!);
      likeness[i * columns + j] = alike;
      const paired = alike < ALIKE ? 0 : alike + best[(i + 1) * width + j + 1]!;
      const below = best[(i + 1) * width + j]!;
      const beside = best[i * width + j + 1]!;
      const unpaired = below > beside ? below : beside;
      best[i * width + j] = paired > unpaired ? paired : unpaired;
    }
  }
  const pairs: [number, number][] = [];
  let [i, j] = [0, 0];
  while (i < rows && j < columns) {
    const here = best[i * width + j]!;
    const alike = likeness[i * columns + j]!;
    if (alike >= ALIKE && here === alike + best[(i + 1) * width + j + 1]!) pairs.push([i++, j++]);
    else if (here === best[(i + 1) * width + j]!) i++;
    else j++;
  }
  return pairs;
}

/** A line that is too long to be compared is like no other. */
function wordsOf(line: string): Set<string> {
  return new Set(line.length > MAX_LINE ? [] : tokenize(line).filter(isWord));
}

function likenessOf(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const word of few) if (many.has(word)) shared++;
  return shared / many.size;
}
