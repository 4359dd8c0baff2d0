/** Escape sequences of terminals: colours, cursor movements, titles. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what it is about.
const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;

/**
 * Characters that a reader cannot see, or that change the order in which a line is shown (Trojan Source): controls but tab
 * and line end, zero-width characters, bidirectional marks and overrides, invisible operators, tags, variation selectors.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what it is about.
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each is looked for on its own.
  /[\u0000-\u0008\u000b\u000c\u000d\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

export type Part = string | { hidden: string };

/** Text without terminal sequences. */
export function withoutAnsi(text: string): string {
  return text.replace(ANSI, '');
}

/** The text in parts: what can be shown as it is, and the code point of each character that would hide. */
export function visibleParts(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    parts.push({ hidden: `U+${match[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}` });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

/** Whether every character of it can be seen. */
export function isVisible(text: string): boolean {
  HIDDEN.lastIndex = 0;
  return !HIDDEN.test(text);
}

/** At most `length` characters, with their number if there are more. */
export function shortened(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text.slice(0, length)}… (${text.length.toLocaleString('en')} characters)`;
}
