import wrapAnsi from 'wrap-ansi';

/** Breaks long lines between words. A line that is indented stays so, and no other one begins with a space. */
export function wrapped(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => {
      const indent = /^ */.exec(line)![0];
      const lines = wrapAnsi(line.slice(indent.length), width - indent.length, { hard: true });
      return indent + lines.replaceAll('\n', `\n${indent}`);
    })
    .join('\n');
}
