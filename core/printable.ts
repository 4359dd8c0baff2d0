import { HIDDEN_CHARACTERS } from './hidden-characters.ts';

/** Untrusted text for a terminal: every character that could act or hide is printed as its code. */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(HIDDEN_CHARACTERS, (character) => {
    const code = character.codePointAt(0)!;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** The same, on one line. */
export function printableLine(text: string): string {
  return printable(text.replaceAll('\n', '\\n').replaceAll('\t', '\\t'));
}

/** Indented JSON whose unprintable characters are \u escapes, so that its value stays the same. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(HIDDEN_CHARACTERS, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
