import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ToolExchange, toolExchanges } from '../../../local/model/conversation.ts';
import type { Reply, ReplyBlock } from '../../../local/model/reply.ts';
import { call, calls, Stack, type TestFile } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files: Record<string, TestFile> = {
  'src/a.ts': 'export const a = 1;\nconst twice = a + a;\n',
  'src/deep/b.ts': 'import { a } from "../a.ts";\n',
  'src/.hidden.ts': 'const hidden = 1;\n',
  'README.md': '# Title\n\tindented\n',
  'long.txt': Array.from({ length: 2500 }, (_, i) => `line ${i + 1}`).join('\n'),
  'image.png': Buffer.from([137, 80, 0, 1, 2]),
  '.gitignore': 'out/\n*.gen\n',
  'committed.gen': 'const generated = 1;\n',
  outside: { link: '/etc' },
  'out-file': { link: '../../../../etc/passwd' },
  inside: { link: 'src' },
};

const enough: Reply = { content: [{ type: 'text', text: 'Enough.' }], stopReason: 'refusal' };

/** Makes these calls in one turn in a repository of `files`, and returns the result of each. */
async function exchange(blocks: ReplyBlock[], settings = {}): Promise<ToolExchange[]> {
  const { model } = await stack.analyze(files, [calls(...blocks), enough], { settings });
  return toolExchanges(model.requests[1]!.body);
}

test('files are found by folder, by glob and with dots in their names, and ignored ones are not listed', async () => {
  const [setup, all, typescript, deep, none, , deleted] = await exchange(
    [
      call('shell', { command: 'mkdir -p out && echo x > out/built.ts' }),
      call('list_files', {}),
      call('list_files', { pattern: '**/*.ts' }),
      call('list_files', { path: 'src', pattern: '*/*.ts' }),
      call('list_files', { path: 'src', pattern: '*.md' }),
      call('delete_file', { path: 'README.md' }),
      call('list_files', { pattern: '*.md' }),
    ],
    { shell: true },
  );
  expect(setup!.isError).toBe(false);
  expect(all!.result!.split('\n')).toEqual(
    expect.arrayContaining(['README.md', 'src/deep/b.ts', 'src/.hidden.ts']),
  );
  expect(all!.result).not.toContain('built.ts');
  expect(typescript!.result!.split('\n')).toEqual(['src/.hidden.ts', 'src/a.ts', 'src/deep/b.ts']);
  expect(deep!.result).toBe('src/deep/b.ts');
  expect(none!.result).toBe('No files.');
  expect(deleted!.result).toBe('No files.');
});

test('code is found in files that git knows and in new ones, and an invalid pattern is explained', async () => {
  const results = await exchange([
    call('write_file', { path: 'src/new.ts', content: 'const a = 2;\r\n' }),
    call('search_code', { pattern: 'const [a-z]+ = [12]' }),
    call('search_code', { pattern: 'a + a', literal: true, filesOnly: true }),
    call('search_code', { pattern: 'TITLE', ignoreCase: true, path: 'README.md' }),
    call('search_code', { pattern: 'not in there', filesOnly: true }),
    call('search_code', { pattern: '(' }),
    call('search_code', { pattern: '((a{1,500}){1,500}){1,50}' }),
    call('search_code', { pattern: '--open-files-in-pager=touch', path: 'src' }),
    call('search_code', { pattern: '--template|--upload-pack', filesOnly: true }),
    call('delete_file', { path: 'src/new.ts' }),
  ]);
  const image = '\n(Not searched, being binary: 1 file.)';
  expect(results.map(({ result, isError }) => (isError ? `error: ${result}` : result))).toEqual([
    'Created src/new.ts (14 bytes).',
    `committed.gen:1: const generated = 1;\nsrc/.hidden.ts:1: const hidden = 1;\nsrc/a.ts:1: export const a = 1;\nsrc/new.ts:1: const a = 2;${image}`,
    `1 file matches.\nsrc/a.ts${image}`,
    'README.md:1: # Title',
    `No match.${image}`,
    expect.stringMatching(/^error: .*not a Perl regular expression/),
    expect.stringMatching(/^error: .*repeats too often/),
    'No match.',
    `No match.${image}`,
    'Deleted src/new.ts.',
  ]);
});

test('a long file is read in parts that tell how to continue', async () => {
  const [first, window, end, binary, folder] = await exchange([
    call('read_file', { path: 'long.txt' }),
    call('read_file', { path: 'long.txt', startLine: 2499, endLine: 2600 }),
    call('read_file', { path: 'long.txt', startLine: 2501 }),
    call('read_file', { path: 'image.png' }),
    call('read_file', { path: 'src' }),
  ]);
  expect(first!.result).toMatch(/^1\tline 1\n2\tline 2\n/);
  expect(first!.result).toMatch(/\n1000\tline 1000\n\[1500 more lines; go on with startLine 1001\.\]$/);
  expect(window!.result).toBe('2499\tline 2499\n2500\tline 2500\n[The last line has no line end.]');
  expect(end).toMatchObject({ isError: true, result: 'long.txt has 2500 lines.' });
  expect(binary).toMatchObject({ isError: true, result: expect.stringContaining('binary') });
  expect(folder).toMatchObject({ isError: true, result: expect.stringContaining('list_files') });
});

test('no path leads out of the repository or into git', async () => {
  const paths = [
    '../x',
    '/etc/passwd',
    'outside/passwd',
    'out-file',
    '.git/config',
    'src/.GIT/hooks/x',
    'a\0b',
  ];
  const results = await exchange(
    paths.flatMap((path) => [call('read_file', { path }), call('write_file', { path, content: 'x' })]),
  );
  expect(results.map(({ isError }) => isError)).toEqual(results.map(() => true));
  const [relative, , absolute] = results;
  expect(relative!.result).toContain('out of the repository');
  expect(absolute!.result).toContain('out of the repository');
});

test('an edit that does not fit shows the text there instead', async () => {
  const edit = (input: object) => call('edit_file', { path: 'src/a.ts', newText: 'x', ...input });
  const [replaced, near, far, link, , twice, all] = await exchange([
    edit({ oldText: 'a + ', newText: 'a +  ' }),
    edit({ oldText: 'const  twice = a + a;' }),
    edit({ oldText: 'nowhere' }),
    edit({ path: 'inside', oldText: 'a' }),
    edit({ oldText: 'a +  a', newText: 'a + a' }),
    edit({ oldText: 'const' }),
    edit({ oldText: 'const', newText: 'let', replaceAll: true }),
  ]);
  expect(replaced).toMatchObject({ isError: false, result: 'Replaced 1 occurrence in src/a.ts.' });
  expect(near).toMatchObject({ isError: true, result: expect.stringContaining('Nearest is line 2') });
  expect(far!.result).toContain('exactly as it stands there');
  expect(link!.result).toContain('symbolic link');
  expect(twice).toMatchObject({
    isError: true,
    result: expect.stringContaining('2 times in src/a.ts (lines 1, 2)'),
  });
  expect(all!.result).toBe('Replaced 2 occurrences in src/a.ts.');
});

test('an unknown tool and an input that does not fit go back to the model with the alternatives', async () => {
  const [unknown, wrong, withheld] = await exchange([
    call('rename_file', { from: 'a', to: 'b' }),
    call('read_file', { path: 7, startLine: 0 }),
    call('shell', { command: 'true' }),
  ]);
  expect(unknown).toMatchObject({
    isError: true,
    result: expect.stringContaining('there are list_files, search_code'),
  });
  expect(wrong!.result).toMatch(/path[\s\S]*startLine|startLine[\s\S]*path/);
  expect(withheld).toMatchObject({ isError: true, result: expect.stringContaining('no tool shell') });
});

test('include and exclude restrict changes to the paths of the job', async () => {
  const write = (path: string) => call('write_file', { path, content: 'x' });
  const settings = { include: ['src/**', 'docs'], exclude: ['**/*.md'] };
  const results = await exchange([write('other.ts'), write('docs/a.md'), write('docs/.a.txt')], settings);
  expect(results).toMatchObject([
    { isError: true, result: expect.stringContaining('changes only src/**') },
    { isError: true, result: expect.stringContaining('excludes **/*.md') },
    { isError: false },
  ]);
});

test('a command runs without the secrets of the worker, and its background processes are killed', async () => {
  const [environment, background, long] = await exchange(
    [
      call('shell', { command: 'env' }),
      call('shell', { command: 'sleep 60 & echo pid=$!' }),
      call('shell', { command: 'i=0; while [ $i -lt 5000 ]; do echo "row $i"; i=$((i+1)); done; exit 3' }),
    ],
    { shell: true },
  );
  expect(environment!.result).not.toMatch(/AWS_|KEY|TOKEN|DYNAMODB|ARTIFACTS/);
  expect(isRunning(/pid=(\d+)/.exec(background!.result!)![1]!)).toBe(false);
  expect(long!.isError).toBe(true);
  expect(long!.result).toMatch(/exit code 3[\s\S]*row 0\n[\s\S]*characters left out[\s\S]*row 4999/);
  expect(long!.result!.length).toBeLessThan(10_200);
});

/** Zombies count as ended: a container's first process may not reap them. */
function isRunning(pid: string): boolean {
  const state = spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).stdout.trim();
  return state !== '' && !state.startsWith('Z');
}

test('calls of one turn that only read run in parallel, and those that write run in order', async () => {
  // Each search finds what it looks for only if the other one runs at the same time.
  const shims = path.join(stack.folder, 'shims');
  await mkdir(shims);
  const meet = `#!/bin/sh
case " $* " in *" --fixed-strings "*) ;; *) exec "$REAL_GIT" "$@";; esac
`;
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  await writeFile(
    path.join(shims, 'git'),
    `${meet.replaceAll('$REAL_GIT', real)}touch "${shims}/$$.running"
i=0
while [ $(ls "${shims}" | grep -c running) -lt 2 ]; do
  i=$((i+1)); [ $i -gt 200 ] && exit 128
  sleep 0.05
done
exec "${real}" "$@"
`,
    { mode: 0o755 },
  );
  const turn = calls(
    call('search_code', { pattern: 'const', literal: true }),
    call('search_code', { pattern: 'import', literal: true }),
    call('write_file', { path: 'order.txt', content: 'one\n' }),
    call('read_file', { path: 'order.txt' }),
    call('write_file', { path: 'order.txt', content: 'two\n' }),
    call('read_file', { path: 'order.txt' }),
  );
  const { model } = await stack.analyze(files, [turn, enough], {
    environment: { PATH: `${shims}:${process.env.PATH}` },
  });
  const results = toolExchanges(model.requests[1]!.body).map(({ isError, result }) => ({ isError, result }));
  expect(results.every(({ isError }) => !isError)).toBe(true);
  expect(results[0]!.result).toContain('src/a.ts:1');
  expect([results[3]!.result, results[5]!.result]).toEqual(['1\tone', '1\ttwo']);
});

test('a turn of many large results is truncated as a whole, with a note', async () => {
  const large = { 'large.txt': `${'x'.repeat(99)}\n`.repeat(900) };
  const turn = calls(...Array.from({ length: 6 }, () => call('read_file', { path: 'large.txt' })));
  const { model } = await stack.analyze(large, [turn, enough]);
  const results = toolExchanges(model.requests[1]!.body).map(({ result }) => result!);
  const characters = results.reduce((sum, { length }) => sum + length, 0);
  expect(characters).toBeGreaterThan(400_000);
  expect(characters).toBeLessThan(401_000);
  expect(results[5]).toMatch(/characters left out: .* Call again/);
});
