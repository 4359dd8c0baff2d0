import type { PatchFile, Run } from './patch.ts';
import { differences, type Effort, isWord, MAX_LINE, tokenize } from './tokens.ts';
import type { Unit } from './units.ts';

/** Entries that are equal for files whose changes look alike, however they are spelled. */
export function kinOfFile({ name, isAdded, isDeleted, isBinary, oldMode, mode }: PatchFile): string[][] {
  if (isAdded) return [['added', name]];
  if (isDeleted) return [['deleted', name]];
  if (isBinary) return [['binary', name]];
  return oldMode === mode ? [] : [['mode', mode ?? '']];
}

/** A run whose lines do not pair one to one is compared as a whole: the change may be where its lines break. */
export function kinOfRun(run: Run, units: readonly Unit[], effort: Effort): string[][] {
  const isOneToOne = run.removed.length === run.added.length;
  const folded = isOneToOne ? undefined : fold(run);
  if (folded?.every((tokens) => tokens.length <= MAX_FOLDED)) return stretches(folded, effort);
  return units.flatMap((unit) =>
    stretches(fold('line' in unit ? { removed: [unit.line[0]], added: [unit.line[1]] } : unit.block), effort),
  );
}

const MAX_FOLDED = 200;

/** The tokens of both sides without blanks, line ends, semicolons and trailing commas, and with one kind of quote. */
function fold({ removed, added }: Run): [string[], string[]] {
  return [foldLines(removed), foldLines(added)];
}

function foldLines(lines: readonly string[]): string[] {
  const tokens = lines.flatMap((line) => (line.length > MAX_LINE ? [line.trim()] : tokenize(line)));
  const kept = tokens.filter((token) => !/^[\s;]+$/.test(token));
  return kept
    .filter((token, i) => token !== ',' || !(i + 1 === kept.length || /^[)\]}]$/.test(kept[i + 1]!)))
    .map((token) => (/^['"`]$/.test(token) ? '"' : token));
}

function stretches([before, after]: [string[], string[]], effort: Effort): string[][] {
  return differences(before, after, effort).map(({ a0, a1, b0, b1 }) => {
    const names = new Map<string, string>();
    const numbered = (tokens: readonly string[]) =>
      tokens.map((token) => (isWord(token) && !/^\d/.test(token) ? numberOf(names, token) : token)).join(' ');
    return ['stretch', numbered(before.slice(a0, a1)), numbered(after.slice(b0, b1))];
  });
}

/** Names by the order in which the stretch first has them. */
function numberOf(names: Map<string, string>, name: string): string {
  const known = names.get(name);
  if (known) return known;
  const number = `n${names.size + 1}`;
  names.set(name, number);
  return number;
}
