import { rawPath } from '../../worker/checkout/raw-path.ts';
import { type RawFile, type RawTree, text } from './import-trees.ts';

/** Returns a generator of the same numbers for the same seed, from 0 to below 1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Random = () => number;

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

const latin1 = (content: string) => Buffer.from(content, 'latin1');
const PNG = latin1('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01');
const POINTER =
  'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n';

/** Blobs as repositories have them, independent of their attributes. */
export const CONTENTS: readonly Buffer[] = [
  Buffer.from('one\ntwo\nthree\n'),
  Buffer.from('one\r\ntwo\r\nthree\r\n'),
  Buffer.from('one\r\ntwo\nthree\r\nfour\n'),
  Buffer.from('old Macintosh\rline ends\r'),
  Buffer.from('crlf\r\nand a lone\rcr\r\n'),
  Buffer.from('no last line end'),
  Buffer.from('one\r\nno last line end'),
  Buffer.alloc(0),
  Buffer.from('\n'),
  Buffer.from('\r\n'),
  Buffer.from('\ufeffmarked\r\ntwo\r\n'),
  latin1('caf\xe9\r\nna\xefve\r\n'),
  latin1('stra\xdfe\n'),
  Buffer.from('größe ☃ 𝄞\nzwei\n'),
  PNG,
  latin1('text\r\nand then\0a NUL\r\n'),
  Buffer.from('\ufeffwide\r\ntext\r\n', 'utf16le'),
  Buffer.from('\ufeffbig endian\n', 'utf16le').swap16(),
  Buffer.from('/* $Id: 0123456789abcdef $ */\r\nint a;\r\n'),
  Buffer.from('$Id$\n$Id: x $\n$Revision: 1.1 $\n'),
  Buffer.from(POINTER),
  Buffer.from(POINTER.replaceAll('\n', '\r\n')),
  latin1(`\x01\x02\x03\x04${'a\r\n'.repeat(10)}`),
  Buffer.from('end of file of DOS\r\n\x1a'),
  Buffer.from('a\r\n'.repeat(3000)),
];

const NAMES = [
  'a.txt',
  'b.txt',
  'run.sh',
  'legacy.bat',
  'id.c',
  'logo.png',
  'data.bin',
  'yarn.lock',
  'wide.rc',
  'with blank.txt',
  'line\nfeed.txt',
  'tab\tand "quotes".txt',
  'back\\slash.txt',
  '-dash.txt',
  ':(top)magic.txt',
  '[brackets]*.txt',
  'größe.txt',
  'gro\u0308\u00dfe.txt',
  '🙂.c',
  'trace.log',
].map(rawPath);

/** Names that are not UTF-8. */
const BYTES = ['caf\xe9.txt', '\xff\xfe.bat'];

const FOLDERS = ['', '', 'src/', 'src/deep/', 'docs "x"/', 'vendor\n/'].map(rawPath);

const PATTERNS = [
  '*',
  '*',
  '*.txt',
  '*.bat',
  '*.sh',
  '*.c',
  '*.png',
  '*.bin',
  '*.lock',
  '*.rc',
  'src/**',
  '/a.txt',
];

const SETTINGS = [
  'text',
  'text',
  '-text',
  '!text',
  'text=auto',
  'text=auto eol=crlf',
  'text=auto eol=lf',
  'text eol=lf',
  'text eol=crlf',
  'eol=lf',
  'eol=crlf',
  'crlf',
  '-crlf',
  'crlf=input',
  'ident',
  '-ident',
  'text ident eol=crlf',
  'working-tree-encoding=UTF-16',
  'working-tree-encoding=UTF-16LE-BOM eol=crlf',
  'working-tree-encoding=ISO-8859-1',
  'working-tree-encoding=no-such-encoding',
  'filter=lfs diff=lfs merge=lfs -text',
  'filter=planted',
  '-filter',
  'binary',
  '-diff',
  'diff=python',
  'merge=union',
  'whitespace=-cr-at-eol,tab-in-indent',
  'export-subst export-ignore',
  'document',
  'stored',
];

/** Only the top folder's .gitattributes may define macros. */
const MACROS =
  '[attr]document text eol=crlf ident\n[attr]stored filter=lfs -diff -text\n[attr]binary -text\n';

/** Generates a tree below `prefix`: files, modes, links, a submodule, attributes, ignored names. */
export function generateTree(random: Random, prefix = ''): Map<string, RawFile> {
  const tree = new Map<string, RawFile>();
  const count = 3 + Math.floor(random() * 10);
  for (let i = 0; i < count; i += 1) {
    const name = random() < 0.1 ? pick(random, BYTES) : pick(random, NAMES);
    const mode = random() < 0.2 ? '100755' : '100644';
    tree.set(prefix + pick(random, FOLDERS) + name, text(pick(random, CONTENTS), mode));
  }
  for (const folder of FOLDERS)
    if (random() < 0.35)
      tree.set(`${prefix}${folder}.gitattributes`, attributes(random, folder === '' && prefix === ''));
  if (random() < 0.3) tree.set(`${prefix}.gitignore`, text('*.log\n*.bin\r\n'));
  if (random() < 0.3)
    tree.set(`${prefix}link`, {
      mode: '120000',
      bytes: Buffer.from(pick(random, ['a.txt', 'no\r\nwhere', '../..'])),
    });
  if (random() < 0.2) tree.set(`${prefix}module`, { commit: '0123456789abcdef0123456789abcdef01234567' });
  return tree;
}

function attributes(random: Random, isTop: boolean): RawFile {
  const lines = Array.from(
    { length: 1 + Math.floor(random() * 4) },
    () => `${pick(random, PATTERNS)} ${pick(random, SETTINGS)}`,
  );
  const lineEnd = random() < 0.2 ? '\r\n' : '\n';
  return text((isTop ? MACROS : '') + lines.map((line) => line + lineEnd).join(''));
}

/** A job's edit of the bytes of one file; undefined deletes it. */
export type Edit = { path: string; mode: '100644' | '100755'; change: (bytes: Buffer) => Buffer | undefined };

/** Generates an edit of one file. Attribute files stay, because a change to them affects other files. */
export function generateEdit(random: Random, tree: RawTree): Edit {
  const files = [...tree].flatMap(([path, file]) =>
    'bytes' in file && file.mode !== '120000' && !/\.git(attributes|ignore)$/.test(path)
      ? [{ path, ...file }]
      : [],
  );
  const { path, mode } = pick(random, files);
  const kept = mode as Edit['mode'];
  const kind = random();
  if (kind < 0.1) return { path, mode: kept, change: () => undefined };
  if (kind < 0.2) return { path, mode: mode === '100644' ? '100755' : '100644', change: (bytes) => bytes };
  return { path, mode: kept, change: insertLine };
}

/**
 * Inserts a line after the first, with the same line end; if the file has no line end, extends its only line.
 */
function insertLine(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\n') + 1;
  if (end === 0) return Buffer.concat([bytes, Buffer.from('inserted')]);
  const lineEnd = bytes[end - 2] === 0x0d ? '\r\n' : '\n';
  return Buffer.concat([bytes.subarray(0, end), Buffer.from(`inserted${lineEnd}`), bytes.subarray(end)]);
}
