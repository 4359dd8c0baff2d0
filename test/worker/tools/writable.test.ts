import { link, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Call, type OpenTree, ToolRunner } from '../../support/tool-runner.ts';

let runner: ToolRunner;
beforeAll(async () => {
  runner = await ToolRunner.start();
});
afterAll(() => runner.close());

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12345\n`;
const SUBMODULE = { commit: '1'.repeat(40) };

const write = (file: string, content = 'new\n'): Call => ['write_file', { path: file, content }];
const edit = (file: string): Call => ['edit_file', { path: file, oldText: 'old', newText: 'new' }];
const remove = (file: string): Call => ['delete_file', { path: file }];
const move = (file: string, newPath: string, executable?: boolean): Call => [
  'move_file',
  { path: file, newPath, executable },
];

/** The refused writes, by reason. */
async function refusals(tree: OpenTree, expected: readonly (readonly [Call, RegExp])[]): Promise<void> {
  const results = await tree.run(...expected.map(([call]) => call));
  expect(results).toEqual(expected.map(([, said]) => ({ said: expect.stringMatching(said), isError: true })));
  expect(await tree.changes()).toEqual([]);
}

test('a file that git ignores is refused, and the suggested way works', async () => {
  const tree = await runner.open({
    '.gitignore': '.env*\n*.local\n!kept.local\n',
    'web/.gitignore': 'dist/\n',
    'web/dist/committed.js': 'old\n',
    'app.txt': 'old\n',
  });
  await mkdir(tree.absolute('web/dist'), { recursive: true });
  await writeFile(tree.absolute('made.local'), 'old\n');
  const wayOut = /\.gitignore, line 1: \.env\*\).*add the line !\/\.env\.example at the end of \.gitignore/;
  await refusals(tree, [
    [write('.env.example'), wayOut],
    [write('web/dist/new.js'), /web\/\.gitignore, line 1: dist\/\).*covers the folder web\/dist/],
    [edit('made.local'), /git ignores it/],
    [remove('made.local'), /git ignores it/],
    [move('app.txt', 'settings.local'), /git ignores it/],
    [move('made.local', 'made.txt'), /git ignores it/],
  ]);

  const results = await tree.run(
    edit('web/dist/committed.js'),
    write('kept.local'),
    ['edit_file', { path: '.gitignore', oldText: '!kept.local\n', newText: '!kept.local\n!/.env.example\n' }],
    write('.env.example'),
    ['write_file', { path: 'web/.gitignore', content: 'dist/*.map\n' }],
    write('web/dist/new.js'),
  );
  expect(results.filter(({ isError }) => isError)).toEqual([]);
  expect(await tree.changes()).toEqual([
    'added .env.example',
    'added kept.local',
    'added web/dist/new.js',
    'modified .gitignore',
    'modified web/.gitignore',
    'modified web/dist/committed.js',
  ]);
});

test('no write succeeds in a submodule, nor in a repository that a command made', async () => {
  const tree = await runner.open({ 'app.txt': 'old\n', 'vendor/lib': SUBMODULE });
  await mkdir(tree.absolute('nested/.git'), { recursive: true });
  await mkdir(tree.absolute('.git'));
  await refusals(tree, [
    [write('vendor/lib/x.txt'), /is in the submodule vendor\/lib, which is another repository/],
    [write('vendor/lib/deep/x.txt'), /the submodule vendor\/lib/],
    [write('vendor/lib'), /is the submodule vendor\/lib/],
    [move('app.txt', 'vendor/lib/app.txt'), /the submodule vendor\/lib/],
    [write('nested/x.txt'), /is in nested, a nested git repository/],
  ]);
  const [listed, found, absent] = await tree.run(
    ['list_files', { path: 'vendor/lib' }],
    ['search_code', { path: 'vendor/lib', pattern: 'old' }],
    write('app2.txt'),
  );
  for (const { said } of [listed!, found!]) expect(said).toContain('vendor/lib is a submodule');
  expect(absent!.isError).toBe(false);
});

test('every tool that writes enforces include, exclude and protected files', async () => {
  const tree = await runner.open(
    {
      'src/a.ts': 'old\n',
      'src/gen/b.ts': 'old\n',
      'other.ts': 'old\n',
      '.github/workflows/ci.yml': 'old\n',
      'src/secret.pem': 'old\n',
    },
    {
      settings: { include: ['src', '.github/**'], exclude: ['src/gen'] },
      protectedGlobs: ['**/*.pem'],
    },
  );
  const anyChange = (file: string) => [
    write(file),
    edit(file),
    remove(file),
    move(file, 'src/moved.ts'),
    move('src/a.ts', `${file}.ts`),
  ];
  await refusals(tree, [
    ...anyChange('other.ts').map(
      (call) => [call, /changes only src, \.github\/\*\*\. Leave it as it is/] as const,
    ),
    ...anyChange('src/gen/b.ts').map((call) => [call, /excludes src\/gen\. Leave it as it is/] as const),
    ...anyChange('.github/workflows/ci.yml').map((call) => [call, /protected file.*allowProtected/] as const),
    ...anyChange('src/secret.pem')
      .slice(0, 4)
      .map((call) => [call, /protected file/] as const),
  ]);
});

test('a path that is stored through a filter gets no raw bytes, and its pointer is shown as one', async () => {
  const tree = await runner.open({
    '.gitattributes': '*.csv filter=lfs diff=lfs merge=lfs -text\n*.svg filter=lfs\n*.key filter=crypt\n',
    'data.csv': POINTER,
    'a.key': 'encrypted\n',
    'plain.txt': 'old\n',
  });
  expect((await tree.call('read_file', { path: 'data.csv' })).said).toMatch(
    /\[This is a pointer of Git LFS, not the file itself, which has 12345 bytes and is not here\. It cannot be edited or written here/,
  );
  expect((await tree.call('read_file', { path: 'a.key' })).said).toMatch(
    /\[This path has the attribute filter=crypt/,
  );
  await refusals(tree, [
    [write('data.csv', 'a,b\n'), /filter=lfs.*through Git LFS, which does not run here/],
    [['edit_file', { path: 'data.csv', oldText: '12345', newText: '1' }], /filter=lfs/],
    [write('new/logo.svg', '<svg/>\n'), /filter=lfs/],
    [write('b.key'), /through the filter crypt/],
    [move('plain.txt', 'plain.csv'), /filter=lfs/],
    [move('data.csv', 'data.txt'), /data\.csv was not moved: it has the attribute filter=lfs/],
    [move('data.csv', 'data.key'), /filter=crypt/],
  ]);
  // The .gitattributes of the tree count as soon as they are written.
  await tree.call('write_file', { path: 'docs/.gitattributes', content: '*.txt filter=lfs\n' });
  expect(await tree.call('write_file', { path: 'docs/a.txt', content: 'x' })).toMatchObject({
    isError: true,
  });

  const results = await tree.run(move('data.csv', 'moved/data.csv'), remove('a.key'));
  expect(results.filter(({ isError }) => isError)).toEqual([]);
  expect((await tree.bytes('moved/data.csv'))!.toString()).toBe(POINTER);
});

test('text that a checkout could not bring into its encoding is refused by name, and other text is not', async () => {
  const tree = await runner.open({
    '.gitattributes':
      '*.txt working-tree-encoding=ISO-8859-1\n*.wide text working-tree-encoding=UTF-16\n*.sjis working-tree-encoding=Shift_JIS\n',
    'a.txt': 'größe\n',
    'c.sjis': '日本\n',
    'b.wide': 'größe\n',
    'kanji.md': '東京\n',
  });
  const toKanji = (file: string): Call => ['edit_file', { path: file, oldText: 'größe', newText: '東京' }];
  await refusals(tree, [
    [toKanji('a.txt'), /a\.txt was not written: it has the attribute working-tree-encoding=ISO-8859-1/],
    // These bytes are not Shift_JIS either: git checks them out unchanged.
    [write('c.sjis', '日本 😀\n'), /c\.sjis was not written.*working-tree-encoding=Shift_JIS/],
    [write('new.txt', '東京\n'), /working-tree-encoding=ISO-8859-1/],
    [move('kanji.md', 'kanji.txt'), /working-tree-encoding=ISO-8859-1/],
  ]);
  const results = await tree.run(
    toKanji('b.wide'),
    write('a.txt', 'maß\n'),
    write('c.sjis', '東京\n'),
    move('kanji.md', 'kanji.wide'),
  );
  expect(results.filter(({ isError }) => isError)).toEqual([]);
});

test('a move keeps bytes and mode, of binary files too, and over a new case of the name', async () => {
  const png = Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1');
  const tree = await runner.open({
    'bin/deploy.sh': { mode: '100755', bytes: Buffer.from('#!/bin/sh\necho hi\n') },
    'Logo.png': png,
    'Docs/a.md': 'a\n',
    'taken.txt': 'taken\n',
    link: { mode: '120000', bytes: Buffer.from('taken.txt') },
  });
  const results = await tree.run(
    move('bin/deploy.sh', 'tools/release.sh'),
    move('Logo.png', 'logo.png'),
    move('Docs/a.md', 'docs/a.md'),
    ['edit_file', { path: 'tools/release.sh', oldText: 'hi', newText: 'ho' }],
    ['write_file', { path: 'bin/new.sh', content: '#!/bin/sh\n', executable: true }],
    move('taken.txt', 'taken.txt', true),
  );
  expect(results.filter(({ isError }) => isError)).toEqual([]);
  expect(await tree.changes()).toEqual([
    'added bin/new.sh (executable)',
    'added docs/a.md',
    'added logo.png',
    'added tools/release.sh (executable)',
    'deleted Docs/a.md',
    'deleted Logo.png',
    'deleted bin/deploy.sh',
    'modified taken.txt (executable)',
  ]);
  expect(await tree.bytes('logo.png')).toEqual(png);
  const more = await tree.run(
    ['write_file', { path: 'tools/release.sh', content: '#!/bin/sh\n:\n' }],
    ['write_file', { path: 'taken.txt', content: 'taken\n', executable: false }],
  );
  expect(more.filter(({ isError }) => isError)).toEqual([]);
  expect(await tree.isExecutable('tools/release.sh')).toBe(true);
  expect(await tree.isExecutable('taken.txt')).toBe(false);

  const refused = await tree.run(
    move('link', 'link2'),
    write('link'),
    move('docs', 'docs2'),
    move('nowhere', 'x'),
    move('taken.txt', 'logo.png'),
    move('taken.txt', 'taken.txt'),
    move('taken.txt', '../x'),
    move('taken.txt', 'logo.png/x'),
  );
  expect(refused.map(({ said, isError }) => isError && said)).toEqual([
    expect.stringContaining('link is a symbolic link'),
    expect.stringContaining('link is a symbolic link'),
    expect.stringContaining('docs is a folder'),
    expect.stringContaining('There is no nowhere'),
    expect.stringContaining('logo.png exists already'),
    expect.stringContaining('nothing would change'),
    expect.stringContaining('leads out of the repository'),
    expect.stringContaining('is not a folder'),
  ]);
});

test('a name that another system would confuse with an existing one is refused', async () => {
  const tree = await runner.open({ 'README.md': 'old\n', 'docs/a.md': 'a\n', 'cafe\u0301.txt': 'old\n' });
  await refusals(tree, [
    [write('readme.md'), /there is README\.md.*ignore case or accent forms/],
    [write('Docs/b.md'), /there is docs,/],
    [write('caf\u00E9.txt'), /there is "cafe\\u0301\.txt"/],
    [move('docs/a.md', 'ReadMe.md'), /there is README\.md/],
  ]);
});

test('a name that could not be published is refused where it is made, and one that is there stays editable', async () => {
  const tree = await runner.open({
    'a\nb': 'old\n',
    'c\td': 'old\n',
    'plain.txt': 'old\n',
    'r\uFFFD': 'old\n',
  });
  await writeFile(tree.absolute('made\tby a command'), 'old\n');
  const control = /a new name may not have control characters/;
  const results = await tree.run(
    write('x\ny'),
    move('plain.txt', 'e\tf'),
    write('q\u202Etxt.exe'),
    edit('made\tby a command'),
    edit('r\uFFFD'),
    write('half\uD800'),
    write('git~1/config'),
    write('.g\u200Cit/config'),
    write('sub/.git . /config'),
    write('a\\.git\\config'),
  );
  const git = /belongs to git itself/;
  const reasons = [control, control, control, control, /U\+FFFD/, /half of a surrogate/, git, git, git, git];
  expect(results).toEqual(reasons.map((said) => ({ said: expect.stringMatching(said), isError: true })));
  const accepted = await tree.run(
    edit('a\nb'),
    remove('c\td'),
    write('c\td'),
    remove('made\tby a command'),
    move('a\nb', 'readable.txt'),
  );
  expect(accepted.filter(({ isError }) => isError)).toEqual([]);
  expect(await tree.changes()).toEqual(['added readable.txt', 'deleted a\nb', 'modified c\td']);
});

test("a file of a command under a name of git's own is reported", async () => {
  const tree = await runner.open({ 'a.txt': 'old\n' });
  await mkdir(tree.absolute('new/git~1'), { recursive: true });
  await writeFile(tree.absolute('new/git~1/config'), 'x\n');
  await writeFile(tree.absolute('a.txt'), 'new\n');
  const { entries, excess } = await tree.context.tree.changes();
  expect(entries.map(({ file }) => file)).toEqual(['a.txt']);
  expect(excess).toContain('new/git~1/config has a name that is reserved for the git directory');
});

test('the model is warned about a name that Windows does not allow, and about line ends that are not stored', async () => {
  const tree = await runner.open({
    '.gitattributes': '* text=auto\n*.bat text eol=crlf\n*.bin -text\n',
    'had-cr.bat': 'old\r\n',
    'lf.bat': 'old\n',
  });
  const said = async (...call: Call) => (await tree.call(...call)).said;
  for (const name of ['aux.md', 'dir./x', 'a:b', 'sub/NUL'])
    expect(await said(...write(name))).toContain('Windows does not allow this file name');
  expect(await said(...move('aux.md', 'com1'))).toContain('Windows does not allow');
  expect(await said(...write('auxiliary.md'))).toBe('Created auxiliary.md (4 bytes).');

  const stored = /will have it with LF instead of CRLF\./;
  expect(await said(...write('new.bat', 'a\r\n'))).toMatch(stored);
  expect(await said(...write('new.txt', 'a\r\n'))).toMatch(stored);
  expect(await said('edit_file', { path: 'lf.bat', oldText: 'old\n', newText: 'a\r\nb\r\n' })).not.toMatch(
    stored,
  );
  for (const call of [write('new.bin', 'a\r\n'), write('new2.txt', 'a\n'), write('had-cr.bat', 'b\r\n')])
    expect(await said(...call)).not.toMatch(stored);
});

test('a write does not go through a hard link to a file outside, and keeps the mode', async () => {
  const tree = await runner.open({ 'a.txt': 'old\n' });
  const outside = path.join(runner.trees.folder, 'outside.txt');
  await writeFile(outside, 'old\n', { mode: 0o755 });
  await link(outside, tree.absolute('hard.txt'));
  await link(outside, tree.absolute('hard2.txt'));
  const results = await tree.run(edit('hard.txt'), write('hard2.txt'));
  expect(results.filter(({ isError }) => isError)).toEqual([]);
  expect(await readFile(outside, 'utf8')).toBe('old\n');
  expect((await stat(outside)).nlink).toBe(1);
  expect((await tree.bytes('hard.txt'))!.toString()).toBe('new\n');
  expect([await tree.isExecutable('hard.txt'), await tree.isExecutable('hard2.txt')]).toEqual([true, true]);
});

test('names with line feeds and other characters that hide are listed so that every tool opens them', async () => {
  const names = [
    'new\nline.txt',
    't\tab.txt',
    ' lead.txt',
    'trail .txt ',
    '"quoted".txt',
    'nb\u00A0sp.txt',
    '… more',
    'esc\u001B[2J.txt',
    'back\\slash.txt',
    '(Not searched, x).txt',
    '(group) page.txt',
    '-dash.txt',
    ':colon.txt',
    '😀.txt',
  ];
  const tree = await runner.open(Object.fromEntries(names.map((name) => [name, 'old text\n'])));
  const [listed, found, globbed] = await tree.run(
    ['list_files', {}],
    ['search_code', { pattern: 'old text', filesOnly: true }],
    ['list_files', { pattern: '*line.txt' }],
  );
  const shown = listed!.said.split('\n');
  expect(shown).toHaveLength(names.length);
  expect(shown).toContain('"new\\nline.txt"');
  expect(shown).toContain('(group) page.txt');
  expect(found!.said.split('\n')).toEqual([`${names.length} files match.`, ...shown]);
  expect(globbed!.said).toBe('"new\\nline.txt"');
  const hits = await tree.call('search_code', { pattern: 'old', path: '"new\\nline.txt"' });
  expect(hits.said).toBe('"new\\nline.txt":1: old text');
  const results = await tree.run(
    ...shown.flatMap((file): Call[] => [['read_file', { path: file }], edit(file)]),
    move('"new\\nline.txt"', 'line.txt'),
    remove('"t\\tab.txt"'),
  );
  expect(results.filter(({ isError }) => isError)).toEqual([]);
  expect(await tree.changes()).toHaveLength(names.length + 1);
});

test('a path that looks like an existing one is answered with that one, in a form that tools accept', async () => {
  const tree = await runner.open({
    'docs/cafe\u0301.txt': 'old\n',
    'nb\u00A0sp.txt': 'old\n',
    'it\u2019s.txt': 'old\n',
    'README.md': 'old\n',
  });
  const [accent, space, quote, letters, none] = await tree.run(
    ['read_file', { path: 'docs/caf\u00E9.txt' }],
    ['read_file', { path: 'nb sp.txt' }],
    remove("it's.txt"),
    edit('readme.MD'),
    ['read_file', { path: 'docs/tea.txt' }],
  );
  expect(accent!.said).toMatch(
    /there is "docs\/cafe\\u0301\.txt"\. It has U\+0065 "e" U\+0301.* where the path given has U\+00E9 "é"/,
  );
  expect(space!.said).toMatch(/there is "nb\\u00a0sp\.txt".*U\+00A0 \(no-break space\)/);
  expect(quote!.said).toMatch(/there is it’s\.txt.*U\+2019 \(right single quotation mark\)/);
  expect(letters!.said).toContain('there is README.md');
  expect(none!.said).toBe('There is no docs/tea.txt; look with list_files for the paths that exist.');
  const opened = await tree.run(
    ['read_file', { path: '"docs/cafe\\u0301.txt"' }],
    ['read_file', { path: '"nb\\u00a0sp.txt"' }],
  );
  expect(opened.map(({ said }) => said)).toEqual(['1\told', '1\told']);
});

test('a name that is not UTF-8 is reported, and the files beside it are still listed apart', async () => {
  const raw = { mode: '100644' as const, bytes: Buffer.from('old\n') };
  const tree = await runner.openRaw(
    new Map([
      ['\xe9.txt', raw],
      ['\xe8.txt', raw],
      ['a.txt', raw],
    ]),
  );
  const [listed, found, opened] = await tree.run(
    ['list_files', {}],
    ['search_code', { pattern: 'old' }],
    ['read_file', { path: '"\\xE9.txt"' }],
  );
  expect(listed!.said).toBe('a.txt\n"\\xE8.txt"\n"\\xE9.txt"');
  expect(found!.said).toBe('a.txt:1: old\n"\\xE8.txt":1: old\n"\\xE9.txt":1: old');
  expect(opened).toEqual({ said: expect.stringContaining('is not UTF-8'), isError: true });
});
