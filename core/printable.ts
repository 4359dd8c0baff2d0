/**
 * What a terminal may obey or hide: controls but LF and TAB, format characters (directions of writing among them), other
 * characters that show nothing, line ends that are not LF, and halves of a character.
 */
const UNPRINTABLE = /(?![\n\t])\p{Cc}|[\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]|\p{Cs}/gu;

/** Text for a terminal, whoever wrote it: every character that could act or hide is written out as its code. */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0)!;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** The same on one line. */
export function printableLine(text: string): string {
  return printable(text.replaceAll('\n', '\\n').replaceAll('\t', '\\t'));
}

/** JSON of several lines whose strings have their unprintable characters by \u, so that it means the same. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNPRINTABLE, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
