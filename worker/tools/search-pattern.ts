import { windows1252 } from './file-form.ts';
import { ToolError } from './tool.ts';

const MAX_LENGTH = 10_000;
/** Characters of a pattern with every {n,m} expanded. git keeps the expanded pattern in memory. */
const MAX_WRITTEN_OUT = 20_000;

/** Throws ToolError for a pattern that no line can match, or that would need too much memory. */
export function checkPattern(pattern: string, isLiteral: boolean): void {
  if (/[\n\0]/.test(pattern))
    throw new ToolError(
      'The pattern holds a line end or a NUL; only texts within one line can be found. Search for one of the lines.',
    );
  if (pattern.length > MAX_LENGTH)
    throw new ToolError(
      `The pattern has ${pattern.length} characters; at most ${MAX_LENGTH} are taken. Search for a part of it.`,
    );
  if (!isLiteral && lengthWrittenOut(pattern) > MAX_WRITTEN_OUT)
    throw new ToolError(
      `The pattern repeats too often: with each {n,m} written out it may have ${MAX_WRITTEN_OUT} characters. Use smaller numbers, or * and +.`,
    );
}

/** The length of the pattern with every {n,m} expanded, including nested groups. */
function lengthWrittenOut(pattern: string): number {
  const groups = [0];
  let last = 0;
  const add = (length: number) => {
    groups[groups.length - 1]! += length;
    last = length;
  };
  for (const [token] of pattern.matchAll(TOKENS)) {
    const bound = /^\{(\d*)(?:,(\d*))?\}$/.exec(token);
    if (token === '(') groups.push(0);
    else if (token === ')' && groups.length > 1) add(Math.max(1, groups.pop()!));
    else if (bound) {
      const times = Math.max(1, Number(bound[1] || 0), Number(bound[2] || 0));
      groups[groups.length - 1]! += last * (times - 1);
      last *= times;
    } else add(1);
  }
  return groups.reduce((sum, length) => sum + length, 0);
}

/** An escape, a class, a repetition, or one character. */
const TOKENS =
  /\\[pPxNogk]\{[^}]*\}|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]|\{\d*(?:,\d*)?\}|[\s\S]/g;

/** Whether the pattern has a line end outside of a class. git matches single lines, so it would find nothing. */
export function asksForLineEnd(pattern: string): boolean {
  return [...pattern.matchAll(TOKENS)].some(([token]) => token === '\\n' || token === '\\R');
}

/**
 * Replaces the anchors of a text by those of a line, and lets a start also match after a byte order mark. `(?^` and patterns
 * with `\Q…\E` are not changed.
 */
export function byLine(pattern: string, { bytewise = false } = {}): string {
  if (pattern.includes('\\Q')) return pattern;
  const start = bytewise ? '(?:^|(?<=^\\xEF\\xBB\\xBF))' : '(?:^|(?<=^\\x{FEFF}))';
  let last = '';
  return pattern.replace(TOKENS, (token) => {
    const isStart = token === '\\A' || (token === '^' && last !== '?');
    last = token;
    if (isStart) return start;
    return token === '\\Z' || token === '\\z' ? '$' : token;
  });
}

/** Whether the pattern can match characters beyond ASCII that it does not name, for example by a dot. */
export function matchesUnnamed(pattern: string): boolean {
  return [...pattern.matchAll(TOKENS)].some(([token]) =>
    /^(?:\.|\\[DHNSVWX]|\[\^.*|\[.*\\[DHSVW].*)$/s.test(token),
  );
}

/** The pattern with composed and with decomposed accents, which look the same. */
export function spellings(pattern: string): string[] {
  return [...new Set([pattern, pattern.normalize('NFC'), pattern.normalize('NFD')])];
}

/** The pattern's bytes in windows-1252; undefined if it is ASCII or has characters that windows-1252 lacks. */
export function inWindows1252(pattern: string): Buffer | undefined {
  return /[\u0080-\uFFFF]/.test(pattern) ? windows1252(pattern.normalize('NFC')) : undefined;
}
