/**
 * Characters that a terminal or a browser may act on or hide: controls other than LF and TAB, format characters (such as
 * those of writing direction: Trojan Source), other invisible characters, line ends other than LF, and unpaired surrogates.
 * The variation selector that only asks for the coloured form of an emoji is left out.
 */
export const HIDDEN_CHARACTERS =
  /(?![\n\t])\p{Cc}|(?!(?<=\p{Extended_Pictographic})\ufe0f)[\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]|\p{Cs}/gu;

/** A run of one hidden character; the same as above, with its repetitions. */
const RUNS = new RegExp(`(${HIDDEN_CHARACTERS.source})\\1*`, 'gu');

/** A text as it is, or the sign that stands for a hidden character: `U+202E`, or `U+200B × 40` for a run of it. */
export type VisiblePart = string | { sign: string };

/** The text in the parts that a page shows, so that every character of it can be seen. */
export function visibleParts(text: string): VisiblePart[] {
  const parts: VisiblePart[] = [];
  let from = 0;
  for (const { 0: run, 1: character = '', index } of text.matchAll(RUNS)) {
    if (index > from) parts.push(text.slice(from, index));
    const times = run.length / character.length;
    parts.push({ sign: times === 1 ? signOf(character) : `${signOf(character)} × ${times}` });
    from = index + run.length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

/** The same as one string, for a title, which has no markup. */
export function visibleText(text: string): string {
  return visibleParts(text)
    .map((part) => (typeof part === 'string' ? part : `[${part.sign}]`))
    .join('');
}

function signOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}
