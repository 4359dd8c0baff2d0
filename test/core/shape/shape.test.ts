import { beforeAll, describe, expect, test } from '@jest/globals';
import { shapesOf } from '../../../core/shape/shape.ts';
import { hostilePatches, shapesBesides } from './hostile-patches.ts';
import { type Entry, hunk, patchesBetween, section, type Tree } from './patches.ts';

/** A change: the trees before and after. */
type Edit = readonly [Tree, Tree];
const of = (before: Entry, after: Entry, name = 'a.txt'): Edit => [{ [name]: before }, { [name]: after }];
const add = (content: Entry, name = 'a.txt'): Edit => [{}, { [name]: content }];
const remove = (content: Entry, name = 'a.txt'): Edit => [{ [name]: content }, {}];
/** Adds lines to a text. */
const into = (lines: string, head = 'one\ntwo\n', tail = 'three\n'): Edit =>
  of(head + tail, head + lines + tail);
const nul = (text: string) => Buffer.from(`\0${text}`);

const UNEQUAL: Readonly<Record<string, readonly [Edit, Edit]>> = {
  'a space in a path of an added rm': [into('rm -rf /data/x\n'), into('rm -rf / data/x\n')],
  'a space in a path of an edited rm, and one in a call': [
    of('rm -rf /data/x\n', 'rm -rf / data/x\n'),
    of('f(a,b)\n', 'f(a, b)\n'),
  ],
  'a space that joins and one that parts': [of('a /b\n', 'a/b\n'), of('a/b\n', 'a /b\n')],
  'a dedented Python return beside the edit': [
    of('if x:\n    y = old()\n    return y\n', 'if x:\n    y = new()\n    return y\n'),
    of('if x:\n    y = old()\n    return y\n', 'if x:\n    y = new()\nreturn y\n'),
  ],
  'a dedented return of an added block': [
    into('if x:\n    a()\n    return\n'),
    into('if x:\n    a()\nreturn\n'),
  ],
  'an indented return and a dedented one': [
    of('if x:\n    a()\nreturn 1\n', 'if x:\n    a()\n    return 1\n'),
    of('if x:\n    a()\n    return 1\n', 'if x:\n    a()\nreturn 1\n'),
  ],
  'blanks for tabs': [into('\ta: 1\n\t\tb: 2\n'), into('\ta: 1\n\t    b: 2\n')],
  'a file made executable, and a change of blanks': [of('a\n', { run: 'a\n' }), of('a\n', 'a \n')],
  'a file made executable, and one made plain': [of('a\n', { run: 'a\n' }), of({ run: 'a\n' }, 'a\n')],
  'an edit with and without a mode': [of('old()\n', 'new()\n'), of('old()\n', { run: 'new()\n' })],
  'an added file with and without its mode': [add('a\n'), add({ run: 'a\n' })],
  'another file made executable': [of('a\n', { run: 'a\n' }, 'a.sh'), of('a\n', { run: 'a\n' }, 'b.sh')],
  'where a link leads': [of({ link: 'x' }, { link: 'y' }), of({ link: 'x' }, { link: '/etc' })],
  'where a link led': [of({ link: 'x' }, { link: 'y' }), of({ link: 'w' }, { link: 'y' })],
  'an added link and a file with its text': [add({ link: 'x' }), add('x')],
  'a changed link and a file with its text': [of({ link: 'x' }, { link: 'y' }), of('x', 'y')],
  'a file replaced by a link, and one edited': [of('x', { link: 'y' }), of('x', 'y')],
  'a deleted file and an emptied one': [remove('a\n'), of('a\n', '')],
  'an added empty file and a deleted one': [add(''), remove('')],
  'a deleted link and a deleted file': [remove({ link: 'a' }), remove('a')],
  'deleted files of other contents': [remove('a\n'), remove('b\n')],
  'deleted files of other names': [remove('a\n'), remove('a\n', 'b.txt')],
  'added files of other names': [add('a\n'), add('a\n', 'b.txt')],
  'an added file and added lines': [add('a\n'), into('a\n')],
  'a line end at the end of an added file': [add('a\n'), add('a')],
  'a line end at the end of an edited file': [of('a\nb', 'a\nc'), of('a\nb', 'a\nc\n')],
  'CRLF and LF of added lines': [into('a\r\n'), into('a\n')],
  'CRLF for LF and LF for CRLF': [of('a\n', 'a\r\n'), of('a\r\n', 'a\n')],
  'an edit that also changes the line end': [of('old()\r\n', 'new()\r\n'), of('old()\r\n', 'new()\n')],
  'a byte order mark': [of('old\n', 'new\n'), of('old\n', '\ufeffnew\n')],
  'an added file with a byte order mark': [add('a\n'), add('\ufeffa\n')],
  'a zero-width character': [into('isAdmin()\n'), into('is\u200bAdmin()\n')],
  'a direction of writing': [into('a = b\n'), into('a = \u202eb\n')],
  'a letter that looks the same': [into('scope\n'), into('sc\u043epe\n')],
  'how a letter is composed': [into('caf\u00e9\n'), into('cafe\u0301\n')],
  'a blank that does not break': [into('a b\n'), into('a\u00a0b\n')],
  'the order of added arguments': [of('f()\n', 'copy(from, to)\n'), of('f()\n', 'copy(to, from)\n')],
  'a swap of arguments and its reverse': [
    of('move(from, x, y, z, to)\n', 'move(to, x, y, z, from)\n'),
    of('move(to, x, y, z, from)\n', 'move(from, x, y, z, to)\n'),
  ],
  'a swap over lines and its reverse': [
    of('f(\n  from,\n  x,\n  to,\n)\n', 'f(\n  to,\n  x,\n  from,\n)\n'),
    of('f(\n  to,\n  x,\n  from,\n)\n', 'f(\n  from,\n  x,\n  to,\n)\n'),
  ],
  'a rotation over lines and its reverse': [
    of('a\n1\nb\n2\nc\n', 'b\n1\nc\n2\na\n'),
    of('b\n1\na\n2\nc\n', 'c\n1\nb\n2\na\n'),
  ],
  'a line moved up and moved down': [
    of('lock()\nread()\nwrite()\n', 'read()\nwrite()\nlock()\n'),
    of('read()\nwrite()\nlock()\n', 'lock()\nread()\nwrite()\n'),
  ],
  'a line moved from one file to another and back': [
    [
      { a: 'x\ny\n', b: 'z\n' },
      { a: 'y\n', b: 'z\nx\n' },
    ],
    [
      { a: 'y\n', b: 'z\nx\n' },
      { a: 'x\ny\n', b: 'z\n' },
    ],
  ],
  'eval and safeParse': [of('JSON.parse(x)\n', 'eval(x)\n'), of('JSON.parse(x)\n', 'safeParse(x)\n')],
  'kinds of quotes': [of('old("$x")\n', 'new("$x")\n'), of('old("$x")\n', "new('$x')\n")],
  'a semicolon': [into('a = b\n(c)\n'), into('a = b;\n(c)\n')],
  'a trailing comma': [into('x = (1)\n'), into('x = (1,)\n')],
  'the case of letters': [into('Path\n'), into('path\n')],
  'a number': [of('retries: 1\n', 'retries: 2\n'), of('retries: 1\n', 'retries: 20\n')],
  'the setting that becomes false': [
    of('{ verbose: true }\n', '{ verbose: false }\n'),
    of('{ rejectUnauthorized: true }\n', '{ rejectUnauthorized: false }\n'),
  ],
  'the package whose version is raised': [
    of('"left": "1.2.3"\n', '"left": "1.2.4"\n'),
    of('"right": "1.2.3"\n', '"right": "1.2.4"\n'),
  ],
  'what is negated': [of('if (isGuest)\n', 'if (!isGuest)\n'), of('if (isAdmin)\n', 'if (!isAdmin)\n')],
  'an edit and its reverse': [of('old()\n', 'new()\n'), of('new()\n', 'old()\n')],
  'an added and a removed line': [into('a\n'), into('a\n').toReversed() as never],
  'lines joined to one': [into('a\nb\n'), into('ab\n')],
  'an empty line between': [into('a\nb\n'), into('a\n\nb\n')],
  'one of two edits': [
    of('old()\nx\nred()\n', 'new()\nx\nblue()\n'),
    of('old()\nx\nred()\n', 'new()\nx\nred()\n'),
  ],
  'the contents of a binary file': [of(nul('a'), nul('b')), of(nul('a'), nul('c'))],
  'a binary file and its deletion': [of(nul('a'), nul('b')), remove(nul('a'))],
  'a blank at the end of a line': [into('a\n'), into('a \n')],
  'a line that looks like the head of a patch': [into('-- a/x\n'), into('++ b/x\n')],
  'a minified line': [
    of(`${'a;'.repeat(9000)}\n`, `${'b;'.repeat(9000)}\n`),
    of(`${'a;'.repeat(9000)}\n`, `${'b;'.repeat(8999)}c;\n`),
  ],
};

const EQUAL: Readonly<Record<string, readonly [Edit, Edit]>> = {
  'another place': [
    of('1\n2\n3\n4\nold(x)\n', '1\n2\n3\n4\nnew(x)\n'),
    of('old(x)\n1\n2\n3\n4\n', 'new(x)\n1\n2\n3\n4\n'),
  ],
  'another file': [of('old(x)\n', 'new(x)\n'), of('old(x)\n', 'new(x)\n', 'lib/other.js')],
  'another context in the line': [
    of('a = old(x);\n', 'a = new(x);\n'),
    of('  return !old(y)\n', '  return !new(y)\n'),
  ],
  'another context around the line': [of('x\nold()\n', 'x\nnew()\n'), of('old()\ny\n', 'new()\ny\n')],
  'more than one place': [
    of('old(x)\n', 'new(x)\n'),
    of('old(x)\n1\nold(y) + z - old(x)\n', 'new(x)\n1\nnew(y) + z - new(x)\n'),
  ],
  'two files for one': [
    of('old(x)\n', 'new(x)\n'),
    [
      { a: 'old(1)\n', b: 'old(2)\n' },
      { a: 'new(1)\n', b: 'new(2)\n' },
    ],
  ],
  'CRLF where it stays': [of('old(x)\n', 'new(x)\n'), of('old(x)\r\n', 'new(x)\r\n')],
  'no line end where none was': [of('old(x)\n', 'new(x)\n'), of('old(x)', 'new(x)')],
  'the indentation of an added block': [
    into('if (a) {\n  b();\n}\n'),
    into('    if (a) {\n      b();\n    }\n'),
  ],
  'an added file in another folder': [add('a\n', 'x/ci.yml'), add('a\n', 'y/z/ci.yml')],
  'a mode in another folder': [of('a\n', { run: 'a\n' }, 'x/run'), of('b\n', { run: 'b\n' }, 'y/run')],
  'a name that git quotes': [of('old(x)\n', 'new(x)\n', 'a "é"\t.js'), of('old(x)\n', 'new(x)\n')],
  'a line added next to the edit, in another order of runs': [
    of('old(x)\n1\n2\n', 'new(x)\n1\nadded\n2\n'),
    of('1\n2\n3\nold(x)\n', '1\nadded\n2\n3\nnew(x)\n'),
  ],
};

const ALIKE: readonly [string, Edit, Edit][] = [
  ['quotes', of('f("a")\n', "g('a')\n"), of("f('a')\n", 'g("a")\n')],
  ['semicolons', of('old()\n', 'renew()\nx()\n'), of('old();\n', 'renew();\nx();\n')],
  ['names', of('JSON.parse(x)\n', 'JSON.eval(x)\n'), of('JSON.load(x)\n', 'JSON.safeParse(x)\n')],
  ['where lines break', of('f(a, b)\n', 'f(a, b, c)\n'), of('f(a, b)\n', 'f(\n  a,\n  b,\n  c,\n)\n')],
];

let patches: Map<Edit, Buffer>;
beforeAll(async () => {
  const pairs = [...Object.values(UNEQUAL), ...Object.values(EQUAL), ...ALIKE.map(([, ...pair]) => pair)];
  const edits = [...new Set(pairs.flat())];
  const made = await patchesBetween(edits);
  patches = new Map(edits.map((edit, i) => [edit, made[i]!]));
});
const shapes = (edit: Edit) => shapesOf(patches.get(edit)!)!;

test.each(Object.entries(UNEQUAL))('an approval of one never covers the other: %s', (_, [one, other]) => {
  const [a, b] = [shapes(one), shapes(other)];
  expect(a.shape).toMatch(/^1:[0-9a-f]{32}$/);
  expect(a.shape).not.toBe(b.shape);
});

test.each(Object.entries(EQUAL))('one decision covers both: %s', (_, [one, other]) => {
  const [a, b] = [shapes(one), shapes(other)];
  expect(a.shape).toBe(b.shape);
  expect(a.kin).toBe(b.kin);
});

test.each(ALIKE)('changes that differ in %s are looked at together, and decided apart', (_, one, other) => {
  const [a, b] = [shapes(one), shapes(other)];
  expect(a.kin).toBe(b.kin);
  expect(a.shape).not.toBe(b.shape);
});

test('a patch that changes nothing has no shape', () => {
  expect(shapesOf(Buffer.alloc(0))).toBeUndefined();
});

describe('whatever is edited', () => {
  const SEEDS = [...Array(60).keys()];

  test.each(SEEDS)('neither place, order nor context changes the shape: %d', (seed) => {
    const random = randomOf(seed);
    const edits = editsBy(random);
    expect(shapesOf(patchOf(edits, randomOf(seed + 1000)))!.shape).toBe(
      shapesOf(patchOf(shuffled(edits, random), random))!.shape,
    );
  });

  test.each(SEEDS)('every changed byte counts: %d', (seed) => {
    const random = randomOf(seed);
    const edits = editsBy(random);
    const i = random(edits.length);
    const edit = edits[i]!;
    const side =
      edit.added.length > 0 && random(2) === 0 ? 'added' : edit.removed.length > 0 ? 'removed' : 'added';
    const line = random(edit[side].length);
    const text = edit[side][line]!;
    const at = random(text.length);
    const changed = { ...edit, [side]: edit[side].with(line, `${text.slice(0, at)}~${text.slice(at + 1)}`) };
    const patch = (all: Generated[]) => shapesOf(patchOf(all, randomOf(seed)))!;
    expect(patch(edits.with(i, changed)).shape).not.toBe(patch(edits).shape);
    expect(patch(edits.with(i, changed)).patchSha).not.toBe(patch(edits).patchSha);
  });
});

test.each(hostilePatches(1 / 8))('a hostile patch has a shape and changes it by one byte: %s', (_, make) => {
  const [shape, other] = shapesBesides(make());
  expect(other).not.toBe(shape);
});

test('a hunk that claims more lines than it has does not swallow the next file', () => {
  const cut = (after: string) =>
    Buffer.from(
      `${section('a', hunk(1, ['old'], ['new'])).replace('@@ -1,1 +1,1 @@', '@@ -1,9 +1,9 @@')}${section('b', hunk(1, ['x'], [after]))}`,
    );
  expect(shapesOf(cut('y'))!.shape).not.toBe(shapesOf(cut('z'))!.shape);
});

type Generated = { removed: string[]; added: string[] };

/** Edits of words that no other edit has, on lines of their own. */
function editsBy(random: Random): Generated[] {
  let words = 0;
  const line = () =>
    [...Array(1 + random(6))].map(() => `w${words++}q`).join([' ', '(', ', ', '.'][random(4)]);
  const lines = (n: number) => [...Array(n)].map(line);
  return [...Array(1 + random(5))].map(() => {
    const removed = lines(random(4));
    return { removed, added: lines(removed.length === 0 ? 1 + random(4) : random(4)) };
  });
}

/** A patch with the edits in hunks and files by chance, among lines by chance. */
function patchOf(edits: readonly Generated[], random: Random): Buffer {
  let [name, start, sections, hunks] = [0, 1, '', ''];
  for (const { removed, added } of edits) {
    const context = () => [...Array(1 + random(3))].map(() => `context ${random(1000)}`);
    start += 10 + random(100);
    hunks += hunk(start, removed, added, context(), context());
    if (random(2) === 0) {
      sections += section(`f${name++}`, hunks);
      hunks = '';
    }
  }
  return Buffer.from(hunks ? sections + section(`f${name}`, hunks) : sections);
}

type Random = (below: number) => number;

function randomOf(seed: number): Random {
  let state = seed + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.map(() => left.splice(random(left.length), 1)[0]!);
}
