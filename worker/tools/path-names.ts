import { isUtf8 } from 'node:buffer';
import { legible } from '../checkout/raw-path.ts';
import { visible } from './near-miss.ts';
import { ToolError } from './tool.ts';

/** Invisible characters, and those that end a line. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{VS}]|[^\S ]|^[" ]| $/u;

/** Lines of the tools' results that are not file names start like this. */
const NOT_A_NAME = /^(… |\(Not searched)/;

/**
 * Shows a raw path (latin1, see raw-path.ts) to the model: unchanged, or as a JSON string if it has invisible characters.
 * Tools accept both. Bytes that are not UTF-8 appear as `\xE9`.
 */
export function showPath(raw: string): string {
  if (!isUtf8(Buffer.from(raw, 'latin1'))) return `"${raw.replace(/[^ -~]/g, (byte) => `\\x${hex(byte)}`)}"`;
  const path = legible(raw);
  return HIDDEN.test(path) || NOT_A_NAME.test(path) ? visible(path) : path;
}

/** The inverse of `showPath` for a path in quotes; undefined for any other. */
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
