import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type OpenTree, ToolRunner } from '../../support/tool-runner.ts';

let runner: ToolRunner;
beforeAll(async () => {
  runner = await ToolRunner.start();
});
afterAll(() => runner.close());

const search = async (tree: OpenTree, pattern: string, more = {}) =>
  (await tree.call('search_code', { pattern, ...more })).said;

test('patterns are found as models write them, before CRLF and in files that are not UTF-8 too', async () => {
  const tree = await runner.open({
    'a.txt': 'version = 123\nFoo(bar)\n\tindented\n',
    'crlf.txt': 'beta;\r\ngamma;\r\n',
    'latin1.txt': Buffer.from('Stra\xdfe 1\r\n', 'latin1'),
    'utf8.txt': 'Straße 2\ncafe\u0301\n',
    'no-end.txt': 'last line',
    'bom.txt': '\uFEFFusing System;\r\n',
  });
  const found: Record<string, string> = {
    'version = \\d+$': 'a.txt:1: version = 123',
    '^beta;$': 'crlf.txt:1: beta;',
    '(?i)fOO': 'a.txt:2: Foo(bar)',
    '(?:Foo|Bar)\\(': 'a.txt:2: Foo(bar)',
    'F.*?\\(': 'a.txt:2: Foo(bar)',
    '\\bgamma\\b': 'crlf.txt:2: gamma;',
    '^\\tindent|\\x20nowhere': 'a.txt:3: \tindented',
    'version\\s=\\s(?=1)': 'a.txt:1: version = 123',
    Straße: 'utf8.txt:1: Straße 2\nlatin1.txt:1: Straße 1',
    'Stra[ß]e \\d$': 'utf8.txt:1: Straße 2\nlatin1.txt:1: Straße 1',
    'caf\u00E9': 'utf8.txt:2: cafe\u0301',
    'foo[^\\n]*bar|last line$': 'no-end.txt:1: last line',
    'Stra.e [12]$': 'utf8.txt:1: Straße 2\nlatin1.txt:1: Straße 1',
    'Stra[^x]e\\s': 'utf8.txt:1: Straße 2\nlatin1.txt:1: Straße 1',
    '^using (?!x)|\\[^]': 'bom.txt:1: \uFEFFusing System;',
    '(?<=^|x)using': 'bom.txt:1: \uFEFFusing System;',
    '\\AFoo|System;\\Z': 'a.txt:2: Foo(bar)\nbom.txt:1: \uFEFFusing System;',
    '= 123\\z': 'a.txt:1: version = 123',
  };
  const answers = await tree.run(
    ...Object.keys(found).map((pattern) => ['search_code', { pattern }] as const),
  );
  expect(answers.map(({ said }) => said)).toEqual(Object.values(found));
  expect(await search(tree, 'Straße', { literal: true, filesOnly: true })).toBe(
    '2 files match.\nutf8.txt\nlatin1.txt',
  );
  expect(await search(tree, 'beta;\\ngamma')).toMatch(/^No match\.\n\(The pattern asks for a line end/);
  expect(await search(tree, 'nowhere at all')).toBe('No match.');
});

test('a search that finds nothing names the files that it skipped', async () => {
  const tree = await runner.open({
    '.gitattributes': '*.lock -diff\n*.min.js binary\n*.md -text\n',
    '.gitignore': 'build/\n',
    'yarn.lock': 'oldCall(1)\n',
    'lib.min.js': 'oldCall(2)\n',
    'wide.txt': Buffer.from('\uFEFFoldCall(3)\r\n', 'utf16le'),
    'image.png': Buffer.from([137, 80, 0, 1, 2]),
    'sub/blob.bin': Buffer.from([0, 1]),
    'plain.txt': 'plain\n',
  });
  const binary = '(Not searched, being binary: 2 files.)';
  const wide = '(Not searched, being UTF-16: wide.txt.)';
  expect(await search(tree, 'oldCall')).toBe(
    `lib.min.js:1: oldCall(2)\nyarn.lock:1: oldCall(1)\n${wide}\n${binary}`,
  );
  expect(await search(tree, 'newCall', { filesOnly: true })).toBe(`No match.\n${wide}\n${binary}`);
  expect(await search(tree, 'x', { path: 'sub' })).toBe('No match.\n(Not searched, being binary: 1 file.)');
  // What was written since counts as it is now.
  await writeFile(tree.absolute('image.png'), 'text\n');
  await writeFile(tree.absolute('new.bin'), Buffer.from([0]));
  await writeFile(tree.absolute('sub/huge.txt'), Buffer.alloc(10 * 1024 * 1024 + 1, 'a'));
  expect(await search(tree, 'newCall')).toBe(
    `No match.\n(Not searched, being over 10485760 bytes: sub/huge.txt.)\n${wide}\n${binary}`,
  );
  await tree.call('write_file', { path: 'build2/x', content: 'x\n' });
  await runMkdir(tree, 'build');
  expect(await search(tree, 'x', { path: 'build' })).toBe(
    'No match. git ignores build (.gitignore, line 1: build/), so it was not looked at.',
  );
});

async function runMkdir(tree: OpenTree, folder: string): Promise<void> {
  execFileSync('mkdir', ['-p', tree.absolute(folder)]);
  await writeFile(tree.absolute(`${folder}/x`), 'x\n');
}

test('a file in which the pattern meets its limit is left out, and all the others are searched', async () => {
  const trap = `${'a'.repeat(5000)}\n`;
  const files = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`f${i}.txt`, `text ${i} aab\n`]));
  const tree = await runner.open({ ...files, 'f3.min.js': trap, 'f7.min.js': trap });
  await tree.call('write_file', { path: 'new.txt', content: 'text aab\n' });
  const said = await search(tree, '(a+)+$b|^text', { filesOnly: true });
  expect(said.split('\n')).toEqual([
    '13 files match.',
    ...Object.keys(files).sort(),
    'new.txt',
    '(Not searched, where the pattern takes too many steps, try a simpler one: f3.min.js, f7.min.js.)',
  ]);
});

test('a pattern that needs too much memory is refused, and one with ordinary repetitions is not', async () => {
  const tree = await runner.open({ 'a.txt': '2026-11-27 aaaa\n' });
  const refused = [
    `(${'a'.repeat(1000)}){9999}`,
    '((a{1,500}){1,500}){1,50}',
    'a'.repeat(20_000),
    '(\\p{L}{100}){900}',
  ];
  const results = await tree.run(...refused.map((pattern) => ['search_code', { pattern }] as const));
  expect(results.map(({ isError }) => isError)).toEqual(refused.map(() => true));
  expect(results[0]!.said).toContain('repeats too often');
  // A bound on a bound counts as often; where it is small, git says itself that there is nothing to repeat.
  expect(await search(tree, '(a{100}){100}{100}')).toContain('repeats too often');
  expect(await search(tree, 'a{9}{9}')).toContain('is not a Perl regular expression');
  const taken = ['^\\d{4}-\\d{2}-\\d{2}', '[a-z]{1,100}.{0,100}$', '\\x{61}{4}', '(?:a{2}){2}', 'a{,}|a{2,}'];
  for (const pattern of taken) expect(await search(tree, pattern)).toBe('a.txt:1: 2026-11-27 aaaa');
});

test('a search that finds more than can be held returns the first matches, with a note', async () => {
  const long = `${'x'.repeat(9_000_000)}\n`;
  const tree = await runner.open({ 'a.txt': 'x marks\n', 'b.txt': long, 'c.txt': long, 'd.txt': 'x\n' });
  const said = await search(tree, 'x');
  expect(said).toMatch(/^a\.txt:1: x marks\n/);
  expect(said).toContain('was stopped: there may be more');
  expect(await search(tree, 'x', { filesOnly: true })).toBe('4 files match.\na.txt\nb.txt\nc.txt\nd.txt');
});

test('a search by a git without PCRE says so, and plain text is still found', async () => {
  const tree = await runner.open({ 'a.txt': 'text 1\n' });
  const shims = await mkdtemp(path.join(runner.trees.folder, 'shims-'));
  const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const script = `#!/bin/sh
case " $* " in *" --perl-regexp "*) echo "fatal: cannot use Perl-compatible regexes when not compiled with USE_LIBPCRE" >&2; exit 128;; esac
exec "${git}" "$@"
`;
  await writeFile(path.join(shims, 'git'), script, { mode: 0o755 });
  const { PATH } = process.env;
  process.env.PATH = `${shims}:${PATH}`;
  try {
    // git's environment is made with it.
    const other = await runner.open({ 'a.txt': 'text 1\n' });
    expect(await other.call('search_code', { pattern: 'text \\d' })).toEqual({
      said: expect.stringContaining('built without PCRE'),
      isError: true,
    });
    expect(await search(other, 'text 1', { literal: true })).toBe('a.txt:1: text 1');
  } finally {
    process.env.PATH = PATH;
  }
  expect(await search(tree, 'text \\d')).toBe('a.txt:1: text 1');
});

test("tools stop at the repository's time limit, in the middle of a turn", async () => {
  // Seconds for each search: git passes over lines without the N at once.
  const slow = `${'a'.repeat(11)}cN\n`.repeat(3000);
  const tree = await runner.open({ 'slow.txt': slow });
  const slowly = ['search_code', { pattern: '^(a*)*(a*)*(a*)*\\1\\2\\3N$' }] as const;
  /** Runs the calls, whose time is over while the first of them are under way. */
  const runLimited = (...calls: (readonly [name: string, input: object])[]) => {
    const over = new AbortController();
    const context = { ...tree.context, signal: over.signal };
    const limited = Object.assign(Object.create(Object.getPrototypeOf(tree)), tree, { context }) as OpenTree;
    const running = limited.run(...calls);
    setTimeout(() => over.abort(new Error('The time is over.')), 50);
    return running;
  };
  await expect(runLimited(slowly)).rejects.toThrow('The time is over.');
  const many = Array.from({ length: 40 }, () => slowly);
  await expect(runLimited(...many, ['write_file', { path: 'after.txt', content: 'x\n' }])).rejects.toThrow(
    'The time is over.',
  );
  expect(await tree.bytes('after.txt')).toBeUndefined();
});
