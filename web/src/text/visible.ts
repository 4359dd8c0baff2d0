/** Escape sequences by which a command colours its output or moves the cursor. They say nothing to a reader. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what it is about.
const ANSI = /\u001b\[[0-?]*[ -/]*[@-~]/g;

/** The output of a command without the colours of a terminal. */
export function withoutAnsi(text: string): string {
  return text.replace(ANSI, '');
}

/** At most `length` characters, with their number if there are more. */
export function shortened(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text.slice(0, length)}… (${text.length.toLocaleString('en')} characters)`;
}
