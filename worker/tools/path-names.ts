import { isUtf8 } from 'node:buffer';
import { legible } from '../checkout/raw-path.ts';
import { visible } from './near-miss.ts';
import { ToolError } from './tool.ts';

/** What cannot be seen in a line of text, or would end it. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{VS}]|[^\S ]|^[" ]| $/u;

/** How a line begins that is not a name: it ends a list, or says what was not searched. */
const NOT_A_NAME = /^(… |\(Not searched)/;

/**
 * A path of git's (latin1, as raw-path.ts has it) as the model reads it: as it is, or as a JSON string where it holds what
 * cannot be seen. The tools open both. Bytes that are not UTF-8 appear as `\xE9`.
 */
export function showPath(raw: string): string {
  if (!isUtf8(Buffer.from(raw, 'latin1'))) return `"${raw.replace(/[^ -~]/g, (byte) => `\\x${hex(byte)}`)}"`;
  const path = legible(raw);
  return HIDDEN.test(path) || NOT_A_NAME.test(path) ? visible(path) : path;
}

/** The path that `showPath` shows in quotes; undefined for one that is not in quotes. */
export function unquotePath(shown: string): string | undefined {
  if (shown.length < 2 || !shown.startsWith('"') || !shown.endsWith('"')) return undefined;
  if (/\\x[0-9A-F]{2}/.test(shown))
    throw new ToolError(
      `${shown} has a name that is not UTF-8. It can neither be opened nor be part of a change; leave it as it is.`,
    );
  try {
    return JSON.parse(shown) as string;
  } catch {
    return undefined;
  }
}

function hex(byte: string): string {
  return byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}
