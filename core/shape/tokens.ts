/** Lines longer than this are generated or minified, and are compared whole. */
export const MAX_LINE = 10_000;
/** Differences of more tokens than this on a side are not split. */
const MAX_TOKENS = 200;
/** Differences with fewer equal tokens between them are one. */
const MIN_GAP = 3;

/** Counts the steps of comparisons, so that a hostile patch cannot take minutes. */
export class Effort {
  #left: number;

  constructor(steps: number) {
    this.#left = steps;
  }

  /** Throws where the sum of all steps is above the bound, in whichever order they are taken. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new TooMuchEffort();
  }
}

export class TooMuchEffort extends Error {
  override readonly name = 'TooMuchEffort';
}

/** Words, stretches of blanks, and single characters. Bytes above ASCII are parts of words. */
export function tokenize(text: string): string[] {
  return text.match(/[A-Za-z0-9_$\x80-\xff]+|[ \t]+|[\s\S]/g) ?? [];
}

export function isWord(token: string): boolean {
  return /^[A-Za-z0-9_$\x80-\xff]/.test(token);
}

/** A part of two lists of tokens that differs: from `a0` to before `a1` in the one, from `b0` to before `b1` in the other. */
export type Span = { a0: number; a1: number; b0: number; b1: number };

/** Where two lists of tokens differ. */
export function differences(a: readonly string[], b: readonly string[], effort: Effort): Span[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let aEnd = a.length;
  let bEnd = b.length;
  while (aEnd > start && bEnd > start && a[aEnd - 1] === b[bEnd - 1]) {
    aEnd--;
    bEnd--;
  }
  if (start === aEnd && start === bEnd) return [];
  const whole = { a0: start, a1: aEnd, b0: start, b1: bEnd };
  const [rows, columns] = [aEnd - start, bEnd - start];
  if (rows === 0 || columns === 0 || rows > MAX_TOKENS || columns > MAX_TOKENS) return [whole];
  effort.spend(rows * columns);
  return merge(split(a, b, whole), MIN_GAP);
}

/** By the longest common subsequence. */
function split(a: readonly string[], b: readonly string[], { a0, a1, b0, b1 }: Span): Span[] {
  const [rows, columns] = [a1 - a0, b1 - b0];
  const width = columns + 1;
  const common = new Uint8Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      const at = i * width + j;
      const below = common[at + width]!;
      const beside = common[at + 1]!;
      if (a[a0 + i] === b[b0 + j]) common[at] = common[at + width + 1]! + 1;
      else common[at] = below > beside ? below : beside;
    }
  }
  const spans: Span[] = [];
  let [i, j] = [0, 0];
  let open: Span | undefined;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && a[a0 + i] === b[b0 + j]) {
      open = undefined;
      i++;
      j++;
      continue;
    }
    if (!open) {
      open = { a0: a0 + i, a1: a0 + i, b0: b0 + j, b1: b0 + j };
      spans.push(open);
    }
    const at = i * width + j;
    if (j === columns || (i < rows && common[at + width]! >= common[at + 1]!)) i++;
    else j++;
    open.a1 = a0 + i;
    open.b1 = b0 + j;
  }
  return spans;
}

function merge(spans: readonly Span[], gap: number): Span[] {
  const merged: Span[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && span.a0 - last.a1 < gap) {
      last.a1 = Math.max(last.a1, span.a1);
      last.b1 = Math.max(last.b1, span.b1);
    } else merged.push({ ...span });
  }
  return merged;
}

/**
 * The same spans, where those that name nothing reach to the nearest word on either side of their line: a blank, a `!`, a
 * number or `true` says nothing of what it changes.
 */
export function withNames(spans: readonly Span[], a: readonly string[], b: readonly string[]): Span[] {
  const wider = spans.map((span, i): Span => {
    const own = [...a.slice(span.a0, span.a1), ...b.slice(span.b0, span.b1)];
    if (own.some(isName)) return span;
    const from = spans[i - 1]?.a1 ?? 0;
    const to = spans[i + 1]?.a0 ?? a.length;
    let left = span.a0 - 1;
    while (left >= from && !isName(a[left]!)) left--;
    let right = span.a1;
    while (right < to && !isName(a[right]!)) right++;
    // Without a name before the next span it takes that in: together they may have one.
    const before = left >= from ? span.a0 - left : i > 0 ? span.a0 - from : 0;
    const after = right < to ? right + 1 - span.a1 : i < spans.length - 1 ? to - span.a1 : 0;
    return { a0: span.a0 - before, a1: span.a1 + after, b0: span.b0 - before, b1: span.b1 + after };
  });
  return merge(wider, 1);
}

function isName(token: string): boolean {
  return isWord(token) && !/^(?:\d\w*|true|false|null|undefined|none|nil|yes|no|on|off)$/i.test(token);
}
