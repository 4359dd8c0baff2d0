import { nameOf } from './file-form.ts';
import { holds } from './find-text.ts';

const MAX_LINE = 300;
const MAX_DIFFERENCES = 5;
const MAX_COMPARED = 2000;
const REPLACEMENT = '\uFFFD';

/** Characters that a model may confuse or omit. */
const LOOK_ALIKES: readonly [RegExp, string][] = [
  [/[\u2018\u2019\u201A\u201B\u2032]/g, "'"],
  [/[\u201C\u201D\u201E\u201F\u2033]/g, '"'],
  [/[\u2010-\u2015\u2212]/g, '-'],
  [/\u2026/g, '...'],
  [/[\u00AD\u2060\uFEFF]|[\u200B-\u200D]/g, ''],
  [/\s+/g, ''],
];

/** Texts that look alike fold to the same text. */
export function fold(text: string): string {
  return LOOK_ALIKES.reduce((folded, [alike, plain]) => folded.replace(alike, plain), text.normalize('NFC'));
}

/** Describes the line of `text` most similar to the first nonblank line of `wanted`; undefined if none is similar. */
export function nearestLine(text: string, wanted: string): string | undefined {
  const lines = wanted.split('\n');
  const firstLine = lines.find((line) => line.trim() !== '');
  const sought = firstLine?.trim();
  if (!firstLine || !sought) return undefined;
  const there = text.split('\n');
  const exact = there.findIndex((line) => holds(line, sought));
  const folded = fold(sought);
  const isAlike = unread(folded);
  const index = exact >= 0 || !folded ? exact : there.findIndex((line) => isAlike(fold(line)));
  if (index < 0) return undefined;
  const line = there[index]!;
  const found = `Nearest is line ${index + 1}: ${visible(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)}.`;
  if (exact < 0) return `${found} ${differences(line, firstLine)}`;
  return `${found} ${differingLine(there, index, lines) ?? ''}`.trim();
}

/** A replacement character in `folded` matches any character. */
function unread(folded: string): (line: string) => boolean {
  if (!folded.includes(REPLACEMENT)) return (line) => holds(line, folded);
  // Longer patterns may take minutes on repetitive lines, or exceed the limit of a regular expression.
  if (folded.length > MAX_LINE) return () => false;
  const pieces = folded.split(REPLACEMENT).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(pieces.join('.'));
  return (line) => pattern.test(line);
}

/** Describes the first line that differs, from the found line on. */
function differingLine(
  there: readonly string[],
  index: number,
  lines: readonly string[],
): string | undefined {
  const first = lines.findIndex((line) => line.trim() !== '');
  for (const [i, line] of lines.entries()) {
    const other = there[index - first + i];
    if (other === line || (other !== undefined && i === lines.length - 1 && other.startsWith(line))) continue;
    if (other === undefined) return `The file has no line ${index - first + i + 1}.`;
    if (i === first && other.endsWith(line)) continue;
    return `Line ${index - first + i + 1} is ${visible(other.slice(0, MAX_LINE))}. ${differences(other, line)}`.trim();
  }
  return undefined;
}

/** Names the characters of `line` that differ from those of `wanted`. */
export function differences(line: string, wanted: string, given = 'oldText'): string {
  if (line.length > MAX_COMPARED) return '';
  const [have, want] = [lettersOf(tail(line, wanted)), lettersOf(wanted)];
  const said: string[] = [];
  for (let i = 0, j = 0; i < have.length && j < want.length && said.length < MAX_DIFFERENCES; ) {
    if (have[i] === want[j]) {
      i++;
      j++;
      continue;
    }
    let [there, asked] = [blanksOf(have, i), blanksOf(want, j)];
    if (there.length + asked.length === 0) {
      if (fold(have[i]!) !== fold(want[j]!)) break;
      [there, asked] = [[have[i]!], [want[j]!]];
    }
    said.push(`${naming(there)} where ${given} has ${naming(asked)}`);
    i += there.length;
    j += asked.length;
  }
  return said.length > 0 ? `It has ${said.join('; ')}.` : '';
}

/** Splits into letters with their combining accents. */
function lettersOf(text: string): string[] {
  return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
}

/** The part of the line that starts like `wanted` when folded. */
function tail(line: string, wanted: string): string {
  const folded = fold(wanted);
  for (let at = 0; at < line.length; at++) {
    const rest = line.slice(at);
    if (fold(rest[0]!) === '' || !fold(rest).startsWith(folded)) continue;
    const blanks = /^\s/.test(wanted) ? /\s*$/.exec(line.slice(0, at))![0].length : 0;
    return line.slice(at - blanks);
  }
  return line;
}

/** The invisible characters from `from` on. */
function blanksOf(letters: readonly string[], from: number): string[] {
  let to = from;
  while (to < letters.length && fold(letters[to]!) === '') to++;
  return letters.slice(from, to);
}

function naming(letters: readonly string[]): string {
  const characters = [...letters.join('')];
  if (characters.length === 0) return 'nothing';
  const [first] = characters;
  if (characters.length > 1 && characters.every((character) => character === first))
    return `${characters.length} times ${nameOf(first!)}`;
  return characters.slice(0, 4).map(nameOf).join(' ');
}

/** The text in quotes, with all invisible characters escaped. */
export function visible(text: string): string {
  return JSON.stringify(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Mn}\p{VS}]|[^\S ]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
