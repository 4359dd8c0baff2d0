import { isUtf8 } from 'node:buffer';
import { ToolError } from './tool.ts';

export type LineEnd = '\n' | '\r\n' | '\r';

/** `bytes` is an encoding other than Unicode, or UTF-8 with invalid bytes. */
export type Encoding = 'UTF-8' | 'UTF-16LE' | 'UTF-16BE' | 'bytes';

/** The line ends of a text: one for all lines, or one for each line feed in order. */
export type LineEnds = LineEnd | LineEnd[];

/** Counts of the Unicode characters beyond ASCII, and of the bytes that are not UTF-8. */
type Counts = { utf8: number; other: number };

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const BOM = '\uFEFF';

/** The characters of windows-1252 at 0x80 to 0x9f. The five undefined bytes map to themselves. */
const C1 =
  '\u20AC\x81\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\x8D\u017D\x8F\x90\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\x9D\u017E\u0178';

/**
 * A byte that is not UTF-8 is represented by half of a surrogate pair, U+DC80 to U+DCFF. Valid text never contains one, so
 * the text converts back to the same bytes.
 */
const ESCAPE = 0xdc00;
const ESCAPED = /(?<![\uD800-\uDBFF])[\uDC80-\uDCFF]/g;
const NOT_ASCII = /[\u0080-\uFFFF]+/g;

/** The encoding and line ends of a text file. New text is written in the same form. */
export class FileForm {
  readonly encoding: Encoding;
  readonly hasBom: boolean;
  /** The text with LF for every line end, bytes that are not UTF-8 escaped. */
  readonly text: string;
  readonly ends: LineEnds;
  #shown: string | undefined;
  #counts: Counts | undefined;
  #isLatin: boolean | undefined;

  private constructor(encoding: Encoding, hasBom: boolean, text: string, ends: LineEnds) {
    this.encoding = encoding;
    this.hasBom = hasBom;
    this.text = text;
    this.ends = ends;
  }

  /** Returns undefined for a binary file: by git's rule, one with a NUL in its first 8,000 bytes, except UTF-16 with a BOM. */
  static of(bytes: Buffer): FileForm | undefined {
    const utf16 = utf16Of(bytes);
    if (utf16) {
      const text = decodeUtf16(bytes.subarray(2), utf16);
      return text.includes('\0') ? undefined : FileForm.#make(utf16, true, text);
    }
    if (bytes.subarray(0, 8000).includes(0)) return undefined;
    const hasBom = bytes.subarray(0, 3).equals(UTF8_BOM);
    const body = hasBom ? bytes.subarray(3) : bytes;
    if (isUtf8(body)) return FileForm.#make('UTF-8', hasBom, body.toString('utf8'));
    return FileForm.#make('bytes', hasBom, decodeBytes(body));
  }

  static #make(encoding: Encoding, hasBom: boolean, raw: string): FileForm {
    const { text, ends } = splitEnds(raw);
    return new FileForm(encoding, hasBom, text, ends);
  }

  /** The text for the model, as long as `text`: bytes that are not UTF-8 are decoded as windows-1252. */
  get shown(): string {
    this.#shown ??= this.encoding === 'bytes' ? this.show(this.text) : this.text;
    return this.#shown;
  }

  show(text: string): string {
    return this.encoding === 'bytes' ? showEscaped(text) : text;
  }

  get isEmpty(): boolean {
    return this.text === '';
  }

  get hasLastEnd(): boolean {
    return this.text.endsWith('\n');
  }

  /** Converts the model's text to LF, and removes its byte order mark if the file has one. */
  normalize(given: string): string {
    const text = this.hasBom && given.startsWith(BOM) ? given.slice(1) : given;
    return text.replace(this.ends === '\r' ? /\r\n?/g : /\r\n/g, '\n');
  }

  /** The line end of line `index` (from 0). For a last line without one, the line end that it would get. */
  endOf(index: number): LineEnd {
    const { ends } = this;
    return typeof ends === 'string' ? ends : (ends[index] ?? ends[index - 1] ?? ends.at(-1) ?? '\n');
  }

  /** The file's line ends, or those of `given` if the file has none. */
  endsFor(given: string): LineEnds {
    return !this.text.includes('\n') && given.includes('\r\n') ? '\r\n' : this.ends;
  }

  /** The bytes of `text` in the file's form. */
  toBytes(text: string, ends: LineEnds = this.ends): Buffer {
    const raw = joinEnds(text, ends);
    if (this.encoding === 'bytes')
      return Buffer.concat([...(this.hasBom ? [UTF8_BOM] : []), encodeBytes(raw)]);
    const whole = this.hasBom ? BOM + raw : raw;
    if (this.encoding === 'UTF-8') return Buffer.from(whole, 'utf8');
    const bytes = Buffer.from(whole, 'utf16le');
    return this.encoding === 'UTF-16BE' ? bytes.swap16() : bytes;
  }

  /**
   * Encodes `given` (normalized), which replaces `replaced` on the lines `around`. Throws ToolError if the file's encoding
   * lacks one of its characters.
   */
  encode(path: string, given: string, place: { replaced?: string; around?: string } = {}): string {
    const { replaced = '', around = replaced } = place;
    if (!given.isWellFormed())
      throw new ToolError(`The text for ${path} holds half of a surrogate pair. Give the whole character.`);
    if (this.encoding !== 'bytes' || !/[\u0080-\uFFFF]/.test(given)) return given;
    const [oldLines, newLines] = [replaced.split('\n'), given.split('\n')];
    if (newLines.length > 1 && newLines.length === oldLines.length) {
      const whole = around.split('\n');
      const encodeLine = (line: string, i: number) =>
        this.encode(path, line, { replaced: oldLines[i], around: whole[i] });
      return newLines.map(encodeLine).join('\n');
    }
    // Unchanged text keeps its bytes.
    const was = this.show(replaced);
    const start = sharedStart(was, given);
    const end = sharedStart(reversed(was.slice(start)), reversed(given.slice(start)));
    const middle = given.slice(start, given.length - end);
    const encoded = /[\u0080-\uFFFF]/.test(middle) ? this.#encodeNew(path, middle, around) : middle;
    return replaced.slice(0, start) + encoded + replaced.slice(replaced.length - end);
  }

  #encodeNew(path: string, given: string, around: string): string {
    const there = countsOf(around);
    if (there.other > 0 && there.utf8 > 0)
      throw new ToolError(
        `The lines of ${path} to be changed hold UTF-8 and bytes that are not UTF-8. Change the two in separate edits, each with as little text as it needs.`,
      );
    const file = this.counts;
    const isUtf8Here = there.utf8 > 0 || (there.other === 0 && file.utf8 >= file.other);
    if (isUtf8Here) return given;
    const { isLatin } = this;
    return given.replace(NOT_ASCII, (run) => {
      const bytes = [...run].map((character) => byteOf(character));
      const at = bytes.indexOf(undefined);
      if (at >= 0) {
        const character = [...run][at]!;
        const wayOut =
          character === '\uFFFD'
            ? 'It replaces another character: give the characters as read_file shows them.'
            : `Write ${JSON.stringify(character)} with ASCII characters, such as an escape, or leave it out.`;
        throw new ToolError(
          `${path} is not UTF-8 (its bytes are shown as windows-1252), and that has no ${nameOf(character)}. Nothing was written. ${wayOut}`,
        );
      }
      if (!isLatin && !this.shown.includes(run))
        throw new ToolError(
          `${path} is not UTF-8 and its encoding is not known, so ${JSON.stringify(run)} cannot be put into it. Nothing was written. New text may hold ASCII characters, and others as read_file shows them in this file.`,
        );
      return bytes.map((byte) => String.fromCharCode(ESCAPE + byte!)).join('');
    });
  }

  get counts(): Counts {
    this.#counts ??= countsOf(this.text);
    return this.#counts;
  }

  /** Whether the bytes look like Western text: short runs, and no bytes that windows-1252 leaves undefined. */
  get isLatin(): boolean {
    this.#isLatin ??= looksLatin(this.text);
    return this.#isLatin;
  }

  /** Notes for read_file about an unusual encoding or line ends, each a sentence in brackets. */
  describe(): string[] {
    return [...this.#describeEncoding(), ...this.#describeEnds()];
  }

  #describeEncoding(): string[] {
    if (this.encoding === 'bytes') {
      const lines = this.text.split('\n').flatMap((line, i) => (countsOf(line).other > 0 ? [i + 1] : []));
      const where = `${this.hasBom ? 'Starts with a byte order mark, but is' : 'Is'} not UTF-8 on ${linesOf(lines)}`;
      return [
        this.isLatin
          ? `[${where}; shown as windows-1252, and edits are written in it.]`
          : `[${where}; the encoding is not known. Shown as windows-1252; edits keep what they do not change, and new text must be ASCII.]`,
      ];
    }
    if (this.encoding !== 'UTF-8')
      return [`[${this.encoding} with a byte order mark; edits keep that. search_code does not find it.]`];
    return this.hasBom ? ['[Starts with a byte order mark; edits keep it.]'] : [];
  }

  #describeEnds(): string[] {
    const { ends } = this;
    if (ends === '\r\n') return ['[The line ends are CRLF.]'];
    if (ends === '\r') return ['[The line ends are CR.]'];
    if (ends === '\n') return [];
    const numbers = (end: LineEnd) => ends.flatMap((other, i) => (other === end ? [i + 1] : []));
    const [lf, crlf] = [numbers('\n'), numbers('\r\n')];
    const said =
      lf.length <= crlf.length
        ? `LF on ${linesOf(lf)}, CRLF on the others`
        : `CRLF on ${linesOf(crlf)}, LF on the others`;
    return [`[The line ends are mixed: ${said}. Each line keeps its own.]`];
  }
}

function linesOf(numbers: readonly number[]): string {
  const more = numbers.length - 10;
  const shown = numbers.slice(0, 10).join(', ');
  return `${numbers.length === 1 ? 'line' : 'lines'} ${shown}${more > 0 ? ` and ${more} more` : ''}`;
}

function utf16Of(bytes: Buffer): 'UTF-16LE' | 'UTF-16BE' | undefined {
  if (bytes.length < 2 || bytes.length % 2 !== 0) return undefined;
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'UTF-16LE';
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'UTF-16BE' : undefined;
}

/** Whether a file that git treats as binary is text in UTF-16. */
export function isUtf16(bytes: Buffer): boolean {
  return utf16Of(bytes.subarray(0, bytes.length & ~1)) !== undefined && FileForm.of(bytes) !== undefined;
}

function decodeUtf16(body: Buffer, encoding: 'UTF-16LE' | 'UTF-16BE'): string {
  return (encoding === 'UTF-16LE' ? body : Buffer.from(body).swap16()).toString('utf16le');
}

/** As in git and editors, a lone CR is a line end only in a file without any LF. */
function splitEnds(raw: string): { text: string; ends: LineEnds } {
  if (!raw.includes('\r')) return { text: raw, ends: '\n' };
  if (!raw.includes('\n')) return { text: raw.replaceAll('\r', '\n'), ends: '\r' };
  if (!raw.includes('\r\n')) return { text: raw, ends: '\n' };
  const text = raw.replaceAll('\r\n', '\n');
  if (!/(^|[^\r])\n/.test(raw)) return { text, ends: '\r\n' };
  const ends: LineEnd[] = [];
  for (let at = raw.indexOf('\n'); at >= 0; at = raw.indexOf('\n', at + 1))
    ends.push(raw[at - 1] === '\r' ? '\r\n' : '\n');
  return { text, ends };
}

function joinEnds(text: string, ends: LineEnds): string {
  if (typeof ends === 'string') return ends === '\n' ? text : text.replaceAll('\n', ends);
  let line = 0;
  return text.replace(/\n/g, () => ends[line++]!);
}

/** Decodes valid UTF-8 and escapes all other bytes. */
function decodeBytes(bytes: Buffer): string {
  const pieces: string[] = [];
  let valid = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceAt(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    pieces.push(bytes.toString('utf8', valid, at), String.fromCharCode(ESCAPE + bytes[at]!));
    at += 1;
    valid = at;
  }
  pieces.push(bytes.toString('utf8', valid));
  return pieces.join('');
}

/** The length in bytes of the valid UTF-8 sequence at `at`; 0 if there is none. */
function sequenceAt(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  return length > 0 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

function encodeBytes(text: string): Buffer {
  const pieces: Buffer[] = [];
  let read = 0;
  for (const { 0: half, index } of text.matchAll(ESCAPED)) {
    if (index > read) pieces.push(Buffer.from(text.slice(read, index), 'utf8'));
    pieces.push(Buffer.from([half.charCodeAt(0) - ESCAPE]));
    read = index + 1;
  }
  pieces.push(Buffer.from(text.slice(read), 'utf8'));
  return Buffer.concat(pieces);
}

function characterOf(byte: number): string {
  return byte < 0xa0 ? C1[byte - 0x80]! : String.fromCharCode(byte);
}

/** Returns undefined if windows-1252 lacks the character. */
function byteOf(character: string): number | undefined {
  const code = character.codePointAt(0)!;
  if (code >= 0xa0 && code <= 0xff) return code;
  const at = C1.indexOf(character);
  return at >= 0 ? 0x80 + at : undefined;
}

function looksLatin(text: string): boolean {
  const runs = text.match(/[\uDC80-\uDCFF]+/g) ?? [];
  const bytes = runs.reduce((sum, { length }) => sum + length, 0);
  return bytes < runs.length * 2 && !/[\uDC81\uDC8D\uDC8F\uDC90\uDC9D]/.test(text);
}

/** The text's bytes in windows-1252; undefined if it lacks one of the characters. */
export function windows1252(text: string): Buffer | undefined {
  const bytes = [...text].map((character) =>
    character < '\x80' ? character.charCodeAt(0) : byteOf(character),
  );
  return bytes.includes(undefined) ? undefined : Buffer.from(bytes as number[]);
}

/** A line of a file for the model: valid UTF-8 is decoded, other bytes as windows-1252. */
export function showBytes(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : showEscaped(decodeBytes(bytes));
}

function showEscaped(text: string): string {
  return text.replace(ESCAPED, (half) => characterOf(half.charCodeAt(0) - ESCAPE));
}

function countsOf(text: string): Counts {
  const other = (text.match(ESCAPED) ?? []).length;
  const all = (text.match(/[\u{80}-\u{10FFFF}]/gu) ?? []).length;
  return { utf8: all - other, other };
}

function sharedStart(left: string, right: string): number {
  let length = 0;
  while (length < left.length && length < right.length && left[length] === right[length]) length++;
  return length;
}

function reversed(text: string): string {
  return text.split('').reverse().join('');
}

/** The name of a character that is invisible or looks like another one, such as `U+00A0 (no-break space)`. */
export function nameOf(character: string): string {
  const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = NAMES[character];
  if (name) return `${code} (${name})`;
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? `${code} ${JSON.stringify(character)}` : code;
}

const NAMES: Readonly<Record<string, string>> = {
  ' ': 'space',
  '\t': 'tab',
  '\r': 'carriage return',
  '\u00A0': 'no-break space',
  '\u00AD': 'soft hyphen',
  '\u2002': 'en space',
  '\u2003': 'em space',
  '\u2009': 'thin space',
  '\u200B': 'zero width space',
  '\u200C': 'zero width non-joiner',
  '\u200D': 'zero width joiner',
  '\u202F': 'narrow no-break space',
  '\u2060': 'word joiner',
  '\u2013': 'en dash',
  '\u2014': 'em dash',
  '\u2018': 'left single quotation mark',
  '\u2019': 'right single quotation mark',
  '\u201C': 'left double quotation mark',
  '\u201D': 'right double quotation mark',
  '\u2026': 'ellipsis',
  '\u2212': 'minus sign',
  '\u3000': 'ideographic space',
  '\uFEFF': 'byte order mark',
  '\uFFFD': 'replacement character',
};
