import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type OpenTree, ToolRunner } from '../../support/tool-runner.ts';

let runner: ToolRunner;
/** Each file that is to be changed, by the name of its case. */
let tree: OpenTree;
beforeAll(async () => {
  runner = await ToolRunner.start();
  const files = (group: string, kinds: Record<string, { before: Buffer }>) =>
    Object.fromEntries(Object.entries(kinds).map(([kind, { before }]) => [pathOf(group, kind), before]));
  tree = await runner.open({
    ...files('edit', EDITS),
    ...files('write', WRITES),
    ...files('refuse', REFUSED),
    ...ORDINARY_AND_NOT,
    ...LOOK_ALIKES,
  });
});
afterAll(() => runner.close());

function pathOf(group: string, kind: string): string {
  return `${group}/${kind.replace(/\W+/g, '-')}.txt`;
}

const bytes = (latin1: string) => Buffer.from(latin1, 'latin1');
const utf16le = (said: string) => Buffer.from(`\uFEFF${said}`, 'utf16le');
const utf16be = (said: string) => utf16le(said).swap16();

const ORDINARY_AND_NOT = {
  'plain.txt': 'a\nb\n',
  'crlf.txt': 'a\r\nb\r\n',
  'cr.txt': 'a\rb\r',
  'mixed.txt': 'a\r\nb\nc\r\n',
  'bom.txt': '\uFEFFa\n',
  'last.txt': 'a\nb',
  'latin1.txt': bytes('a\nStra\xdfe\n'),
  'unknown.txt': bytes('\x93\xfa\x96\x7b\x8c\xea\n'),
  'wide.txt': utf16le('a\nß\n'),
  'empty.txt': '',
};

const LOOK_ALIKES = {
  'quotes.txt': 'first\nsay(“hi”)\u00A0;\n',
  'tabs.txt': 'if (x) {\n\t\treturn;\n}\n',
  'tab-and-blank.txt': '\treturn\u00A01;\n',
  'accent.txt': 'cafe\u0301 au lait\n',
  'invisible.txt': 'user\u200Bname = 1\n',
  'dash.txt': 'a – b\n',
  'following.txt': 'one\ntwo\u00A0two\nthree\n',
};

/** For each kind of file: its content, an edit, and the expected bytes. */
const EDITS: Record<
  string,
  { before: Buffer; edits: [oldText: string, newText: string, all?: boolean][]; after: Buffer }
> = {
  'lines of CRLF, given with LF': {
    before: bytes('one\r\ntwo\r\nthree\r\n'),
    edits: [['one\ntwo\n', 'one\nnew\n2\n']],
    after: bytes('one\r\nnew\r\n2\r\nthree\r\n'),
  },
  'lines of CRLF, given with CRLF in one place only': {
    before: bytes('one\r\ntwo\r\n'),
    edits: [['one\r\n', 'one\nnew\n']],
    after: bytes('one\r\nnew\r\ntwo\r\n'),
  },
  'lines of LF, given with CRLF': {
    before: bytes('one\ntwo\n'),
    edits: [['one\r\n', 'one\r\nnew\r\n']],
    after: bytes('one\nnew\ntwo\n'),
  },
  'lines of CR': {
    before: bytes('one\rtwo\rthree'),
    edits: [
      ['one\ntwo', 'one\nnew\ntwo'],
      ['three', 'three\nfour'],
    ],
    after: bytes('one\rnew\rtwo\rthree\rfour'),
  },
  'mixed line ends, changed within lines of both kinds': {
    before: bytes('a\r\nb\nc\r\nd\n'),
    edits: [['a\nb\nc', 'a\nB\nc']],
    after: bytes('a\r\nB\nc\r\nd\n'),
  },
  'mixed line ends, a line put after one of LF and one after one of CRLF': {
    before: bytes('a\r\nb\nc\r\nd'),
    edits: [
      ['b', 'b\nx'],
      ['c\n', 'c\ny\n'],
    ],
    after: bytes('a\r\nb\nx\nc\r\ny\r\nd'),
  },
  'mixed line ends, a line put before the first and after the last': {
    before: bytes('a\nb\r\nc'),
    edits: [
      ['a\n', 'top\na\n'],
      ['c', 'c\nend'],
    ],
    after: bytes('top\na\nb\r\nc\r\nend'),
  },
  'mixed line ends, a line taken out and lines joined': {
    before: bytes('a\r\nb\nc\r\nd\ne\r\n'),
    edits: [
      ['b\n', ''],
      ['d\ne', 'de'],
    ],
    after: bytes('a\r\nc\r\nde\r\n'),
  },
  'mixed line ends, every occurrence': {
    before: bytes('f(1)\r\nf(2)\nf(3) f(4)\r\nf(5)'),
    edits: [['f(', 'g(\n', true]],
    after: bytes('g(\r\n1)\r\ng(\n2)\ng(\r\n3) g(\r\n4)\r\ng(\r\n5)'),
  },
  'no last line end': {
    before: bytes('one\ntwo'),
    edits: [['two', 'TWO']],
    after: bytes('one\nTWO'),
  },
  'no last line end, which the edit adds': {
    before: bytes('one\r\ntwo'),
    edits: [['two', 'two\n']],
    after: bytes('one\r\ntwo\r\n'),
  },
  'a byte order mark and CRLF, changed in the first line': {
    before: bytes('\xef\xbb\xbfusing A;\r\nusing B;\r\n'),
    edits: [
      ['\uFEFFusing A;', 'using C;'],
      ['using C;\n', 'using C;\nusing D;\n'],
    ],
    after: bytes('\xef\xbb\xbfusing C;\r\nusing D;\r\nusing B;\r\n'),
  },
  'Latin-1, with a letter in the line that is changed, and a new one': {
    before: bytes('print("Stra\xdfe")\nx = 1\n'),
    edits: [
      ['print("Straße")', 'log("Straße")'],
      ['x = 1', 'x = "größe"'],
    ],
    after: bytes('log("Stra\xdfe")\nx = "gr\xf6\xdfe"\n'),
  },
  'windows-1252 and CRLF, with its own quotation marks': {
    before: bytes('say(\x93hi\x94)\r\nx\r\n'),
    edits: [['say(“hi”)\nx', 'say(“hi”, “€”)\nx']],
    after: bytes('say(\x93hi\x94, \x93\x80\x94)\r\nx\r\n'),
  },
  'an encoding that is not known, in which only ASCII is changed': {
    before: bytes('x = "\x93\xfa\x96\x7b\x8c\xea"; y = 1\n'),
    edits: [['y = 1', 'y = 2']],
    after: bytes('x = "\x93\xfa\x96\x7b\x8c\xea"; y = 2\n'),
  },
  'UTF-8 with a Latin-1 line in it': {
    before: Buffer.concat([Buffer.from('größe\n'), bytes('gr\xf6\xdfe\n'), Buffer.from('x\n')]),
    edits: [
      ['x\n', 'ü\n'],
      ['größe\ngröße', 'größe!\ngröße!'],
    ],
    after: Buffer.concat([Buffer.from('größe!\n'), bytes('gr\xf6\xdfe!\n'), Buffer.from('ü\n')]),
  },
  'UTF-16, little end first, with CRLF': {
    before: utf16le('one\r\nzwölf\r\n'),
    edits: [['zwölf\n', 'zwölf\n😀\n']],
    after: utf16le('one\r\nzwölf\r\n😀\r\n'),
  },
  'UTF-16, big end first': {
    before: utf16be('one\ntwo'),
    edits: [['two', 'TWO']],
    after: utf16be('one\nTWO'),
  },
};

test.each(Object.keys(EDITS))(
  'an edit of a file with %s changes what it names and no other byte',
  async (kind) => {
    const { edits, after } = EDITS[kind]!;
    const path = pathOf('edit', kind);
    for (const [oldText, newText, replaceAll] of edits) {
      const result = await tree.call('edit_file', { path, oldText, newText, replaceAll });
      expect(result).toEqual({ said: expect.stringMatching(/^Replaced \d occurrences? in/), isError: false });
    }
    expect((await tree.bytes(path))!.toString('latin1')).toBe(after.toString('latin1'));
  },
);

/** A whole write, by a model that gives LF and a last line end. */
const WRITES: Record<string, { before: Buffer; content: string; after: Buffer; says?: RegExp }> = {
  CRLF: {
    before: bytes('a\r\nb\r\n'),
    content: 'a\nB\nc\n',
    after: bytes('a\r\nB\r\nc\r\n'),
    says: /As before: CRLF line ends\.$/,
  },
  'CR alone': { before: bytes('a\rb\r'), content: 'a\nB\n', after: bytes('a\rB\r'), says: /CR line ends/ },
  'LF, where the content has CRLF': {
    before: bytes('a\nb\n'),
    content: 'a\r\nB\r\n',
    after: bytes('a\nB\n'),
    says: /LF line ends/,
  },
  'a byte order mark and CRLF': {
    before: bytes('\xef\xbb\xbfa\r\nb\r\n'),
    content: 'a\nB\n',
    after: bytes('\xef\xbb\xbfa\r\nB\r\n'),
    says: /a byte order mark, CRLF line ends/,
  },
  'a byte order mark that the content has too': {
    before: bytes('\xef\xbb\xbfa\n'),
    content: '\uFEFFb\n',
    after: bytes('\xef\xbb\xbfb\n'),
  },
  'no last line end': {
    before: bytes('a\nb'),
    content: 'a\nB\n',
    after: bytes('a\nB'),
    says: /no line end at the end/,
  },
  'a last line end that the content lacks': {
    before: bytes('a\r\nb\r\n'),
    content: 'a\nB',
    after: bytes('a\r\nB\r\n'),
    says: /a line end at the end/,
  },
  'mixed line ends': {
    before: bytes('a\r\nb\nc\r\nd\ne\n'),
    content: 'a\nb\nnew\nC\nd\ne\nf\n',
    after: bytes('a\r\nb\nnew\r\nC\r\nd\ne\nf\n'),
    says: /each line's own line end/,
  },
  'Latin-1': {
    before: bytes('Stra\xdfe\nold\n'),
    content: 'Straße\nneü\n',
    after: bytes('Stra\xdfe\nne\xfc\n'),
    says: /not UTF-8/,
  },
  'UTF-16': {
    before: utf16le('a\r\nb\r\n'),
    content: 'a\nß\n',
    after: utf16le('a\r\nß\r\n'),
    says: /UTF-16LE/,
  },
  nothing: { before: Buffer.alloc(0), content: 'a\r\nb', after: bytes('a\r\nb') },
  'a byte order mark and nothing else': {
    before: bytes('\xef\xbb\xbf'),
    content: 'a\r\nb\n',
    after: bytes('\xef\xbb\xbfa\r\nb\n'),
  },
  'ordinary text': {
    before: bytes('a\n'),
    content: 'b\nü\n',
    after: Buffer.from('b\nü\n'),
    says: /\(5 bytes\)\.$/,
  },
};

test.each(Object.keys(WRITES))('a whole write over a file with %s keeps its form', async (kind) => {
  const { content, after, says = /^Replaced/ } = WRITES[kind]!;
  const path = pathOf('write', kind);
  const result = await tree.call('write_file', { path, content });
  expect(result).toEqual({ said: expect.stringMatching(says), isError: false });
  expect((await tree.bytes(path))!.toString('latin1')).toBe(after.toString('latin1'));
});

/** Writes that would lose bytes are refused, and the file is unchanged. */
const REFUSED: Record<string, { before: Buffer; call: [string, object]; says: RegExp }> = {
  'a replacement character over a Latin-1 letter': {
    before: bytes('Stra\xdfe\nold\n'),
    call: ['write_file', { content: 'Stra\uFFFDe\nnew\n' }],
    says: /not UTF-8.*windows-1252.*U\+FFFD \(replacement character\)[\s\S]*Nothing was written\. It replaces another character/,
  },
  'an edit that gives a replacement character for the letter': {
    before: bytes('Stra\xdfe\nold\n'),
    call: ['edit_file', { oldText: 'Stra\uFFFDe', newText: 'Weg' }],
    says: /Nearest is line 1: "Straße".*not UTF-8 on line 1; shown as windows-1252/s,
  },
  'a character that Latin-1 does not have': {
    before: bytes('Stra\xdfe\n'),
    call: ['edit_file', { oldText: 'Stra', newText: '東' }],
    says: /has no U\+6771/,
  },
  'another alphabet than that of an unknown encoding': {
    before: bytes('"\x93\xfa\x96\x7b\x8c\xea"\n'),
    call: ['edit_file', { oldText: '"\n', newText: 'ß"\n' }],
    says: /encoding is not known/,
  },
  'half of a surrogate pair': {
    before: bytes('a\n'),
    call: ['edit_file', { oldText: 'a', newText: '\uD83D' }],
    says: /half of a surrogate pair/,
  },
  'text over a binary file': {
    before: bytes('PK\x03\x04\0\0'),
    call: ['write_file', { content: 'text\n' }],
    says: /binary file.*delete the file first/,
  },
  'line ends alone': {
    before: bytes('a\r\n'),
    call: ['edit_file', { oldText: 'a\r\n', newText: 'a\n' }],
    says: /differ only in line ends.*delete the file and write it anew/,
  },
};

test.each(Object.keys(REFUSED))('%s is refused, with the reason, and the bytes stay', async (kind) => {
  const {
    before,
    call: [name, input],
    says,
  } = REFUSED[kind]!;
  const path = pathOf('refuse', kind);
  const result = await tree.call(name, { path, ...input });
  expect(result).toEqual({ said: expect.stringMatching(says), isError: true });
  expect(await tree.bytes(path)).toEqual(before);
});

describe('read_file notes anything unusual', () => {
  test.each([
    ['plain.txt', '1\ta\n2\tb'],
    ['crlf.txt', '1\ta\n2\tb\n[The line ends are CRLF.]'],
    ['cr.txt', '1\ta\n2\tb\n[The line ends are CR.]'],
    [
      'mixed.txt',
      '1\ta\n2\tb\n3\tc\n[The line ends are mixed: LF on line 2, CRLF on the others. Each line keeps its own.]',
    ],
    ['bom.txt', '1\ta\n[Starts with a byte order mark; edits keep it.]'],
    ['last.txt', '1\ta\n2\tb\n[The last line has no line end.]'],
    [
      'latin1.txt',
      '1\ta\n2\tStraße\n[Is not UTF-8 on line 2; shown as windows-1252, and edits are written in it.]',
    ],
    [
      'unknown.txt',
      '1\t“ú–{Œê\n[Is not UTF-8 on line 1; the encoding is not known. Shown as windows-1252; edits keep what they do not change, and new text must be ASCII.]',
    ],
    [
      'wide.txt',
      '1\ta\n2\tß\n[UTF-16LE with a byte order mark; edits keep that. search_code does not find it.]',
    ],
    ['empty.txt', 'empty.txt is empty.'],
  ])('%s', async (path, said) => {
    expect(await tree.call('read_file', { path })).toEqual({ said, isError: false });
  });
});

test('an oldText that only looks like the text is answered with the differing characters', async () => {
  const edit = (path: string, oldText: string) => tree.call('edit_file', { path, oldText, newText: 'x' });
  const said = async (path: string, oldText: string) => (await edit(path, oldText)).said;
  expect(await said('quotes.txt', 'say("hi") ;')).toMatch(
    /line 2: "say\(“hi”\)\\u00a0;".*U\+201C \(left double quotation mark\) where oldText has U\+0022.*U\+00A0 \(no-break space\) where oldText has U\+0020 \(space\)/,
  );
  expect(await said('tabs.txt', '    return;')).toMatch(
    /line 2: "\\t\\treturn;".*2 times U\+0009 \(tab\) where oldText has 4 times U\+0020 \(space\)/,
  );
  expect(await said('tab-and-blank.txt', '    return 1;')).toMatch(
    /U\+0009 \(tab\) where oldText has 4 times U\+0020 \(space\); U\+00A0 \(no-break space\)/,
  );
  expect(await said('accent.txt', 'café au lait')).toMatch(
    /"cafe\\u0301 au lait".*U\+0065 "e" U\+0301.* where oldText has U\+00E9 "é"/,
  );
  expect(await said('invisible.txt', 'username = 1')).toMatch(/U\+200B \(zero width space\)/);
  expect(await said('dash.txt', 'a - b')).toMatch(/U\+2013 \(en dash\) where oldText has U\+002D/);
  expect(await said('following.txt', 'one\ntwo two\nthree')).toMatch(/Line 2 is "two\\u00a0two"/);
});
