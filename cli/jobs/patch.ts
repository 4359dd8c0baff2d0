import { printableLine } from '../../core/printable.ts';
import { hasColours, style } from '../terminal/style.ts';

/** A patch for a person: bytes that are not UTF-8 or could control the terminal are shown as codes. */
export function patchText(patch: Uint8Array): string {
  const text = new TextDecoder().decode(patch);
  if (text === '') return '';
  let inHunk = false;
  const lines = text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      const shown = printableLine(line.replace(/\r$/, '')).replaceAll('\\t', '\t');
      if (line.startsWith('diff --git ')) {
        inHunk = false;
        return style('bold', shown);
      }
      if (line.startsWith('@@ ')) {
        inHunk = true;
        return style('cyan', shown);
      }
      if (!hasColours()) return shown;
      if (!inHunk) return style('bold', shown);
      if (line.startsWith('+')) return style('green', shown);
      return line.startsWith('-') ? style('red', shown) : shown;
    });
  return `${lines.join('\n')}\n`;
}
