import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ChangeSet } from '../../../core/change-set.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { toolExchanges } from '../../../local/model/conversation.ts';
import { call, calls, Stack, submit, type TestFile } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const before: Record<string, TestFile> = {
  'crlf.txt': 'one\r\ntwo\r\n',
  'no-newline.txt': 'last line has no end',
  'with space/näme ☃.txt': 'old\n',
  'binary.bin': Buffer.from([0, 1, 2, 255, 254, 0]),
  'latin1.txt': Buffer.from('caf\xe9 old\nna\xefve\n', 'latin1'),
  'run.sh': { executable: '#!/bin/sh\necho old\n' },
  'becomes-folder': 'a file\n',
  'folder/becomes-file': 'deep\n',
  'doomed.txt': 'bye\n',
  link: { link: 'crlf.txt' },
  '.gitignore': 'ignored/\n',
  'attributes.txt': 'a\nb\n',
  '.gitattributes': 'attributes.txt text eol=crlf\n',
};

// Edits that the tools cannot do, but a shell can.
const shellEdits = [
  String.raw`printf '\000\377new' > binary.bin`,
  'rm becomes-folder && mkdir becomes-folder && echo in > becomes-folder/file',
  'rm -r folder && echo flat > folder',
  'ln -sf run.sh link && ln -s nowhere/else dangling',
  'chmod +x no-newline.txt',
  'mkdir ignored && echo no > ignored/file',
  'git init -q nested && echo no > nested/file',
  'printf "new\\r\\n" >> attributes.txt',
  'true > empty.txt',
].join(' && ');

const edits = [
  calls(
    call('edit_file', { path: 'crlf.txt', oldText: 'one\ntwo', newText: 'one\n1.5\ntwo' }),
    call('edit_file', { path: 'no-newline.txt', oldText: 'no end', newText: 'still no end' }),
    call('edit_file', { path: 'with space/näme ☃.txt', oldText: 'old', newText: 'nëw' }),
    call('edit_file', { path: 'latin1.txt', oldText: 'old', newText: 'new' }),
    call('edit_file', { path: 'run.sh', oldText: 'old', newText: 'new' }),
    call('delete_file', { path: 'doomed.txt' }),
    call('write_file', { path: 'deep/er/new.txt', content: 'created' }),
    call('shell', { command: shellEdits }),
  ),
  submit,
];

test('the patch and the change set both give exactly the tree that the model left, and each file is counted', async () => {
  const { outcome, jobId, name, model } = await stack.analyze(before, edits, { settings: { shell: true } });
  const last = JSON.stringify(model.requests.at(-1)!.body.messages.at(-1));
  expect(last).not.toContain('is_error');
  expect(outcome).toMatchObject({ outcome: 'changed', end: 'submitted' });

  const counts = Object.fromEntries(
    outcome.changes.map((change) => [change.file, [change.status, change.additions, change.deletions]]),
  );
  expect(counts).toMatchObject({
    'crlf.txt': ['modified', 1, 0],
    'binary.bin': ['modified', 0, 0],
    'with space/näme ☃.txt': ['modified', 1, 1],
    'doomed.txt': ['deleted', 0, 1],
    'deep/er/new.txt': ['added', 1, 0],
    link: ['modified', 1, 1],
  });

  const patched = await stack.checkout(name);
  const patchFile = `${patched}.patch`;
  writeFileSync(patchFile, (await stack.artifacts.read(outcome.artifacts.diff!))!);
  git(patched, 'apply', '--index', '--whitespace=error-all', patchFile);
  git(patched, 'diff', '--exit-code');

  expect(readTree(patched)).toEqual({
    ...without(readTree(await stack.checkout(name)), ['becomes-folder', 'folder/becomes-file', 'doomed.txt']),
    'crlf.txt': file('one\r\n1.5\r\ntwo\r\n'),
    'no-newline.txt': file('last line has still no end', true),
    'with space/näme ☃.txt': file('nëw\n'),
    'binary.bin': file(Buffer.from('\x00\xffnew', 'latin1')),
    'latin1.txt': file(Buffer.from('caf\xe9 new\nna\xefve\n', 'latin1')),
    'run.sh': file('#!/bin/sh\necho new\n', true),
    'becomes-folder/file': file('in\n'),
    folder: file('flat\n'),
    link: 'link to run.sh',
    dangling: 'link to nowhere/else',
    'deep/er/new.txt': file('created'),
    'attributes.txt': file('a\r\nb\r\nnew\r\n'),
    'empty.txt': file(''),
  });

  const tree = git(patched, 'write-tree');
  const written = await applyChangeSet(name, await readChangeSet(jobId, name));
  expect(written).toBe(tree);
});

test('no program planted in the tree runs, and an edit of the same length in the second of the clone is found', async () => {
  const planted = [
    'rm -rf .git && git init -q . && cd .git',
    'printf "#!/bin/sh\\ntouch $TMPDIR/ran-hook\\n" > hooks/post-index-change && chmod +x hooks/post-index-change',
    ...['core.fsmonitor', 'diff.external', 'filter.x.clean', 'filter.x.smudge', 'diff.x.textconv'].map(
      (key) => `git config ${key} "touch $TMPDIR/ran-${key}; cat"`,
    ),
    'cd .. && echo "* filter=x diff=x" > .gitattributes',
    'mkdir sub && cp -r .git sub/.git && git -c core.fsmonitor=false -C sub -c user.name=a -c user.email=a commit -q --allow-empty -m x',
    // They run under a git that reads the tree's configuration.
    'git status > /dev/null && git add a.txt && ls $TMPDIR && rm -f $TMPDIR/ran-*',
  ].join(' && ');
  const { outcome, model } = await stack.analyze(
    { 'a.txt': 'aaa\n' },
    [
      calls(
        call('edit_file', { path: 'a.txt', oldText: 'aaa', newText: 'bbb' }),
        call('shell', { command: planted }),
        call('search_code', { pattern: 'bbb' }),
      ),
      // A second later, a copy of the index without the original's mtime would show the edited file as
      // unchanged.
      calls(call('shell', { command: 'sleep 1.1; ls $TMPDIR' })),
      // The planted filter is on every path, so the change is never accepted, but it is recorded.
      submit,
      submit,
      submit,
    ],
    { settings: { shell: true } },
  );
  const [, setup, search, listing] = toolExchanges(model.requests.at(-1)!.body);
  expect(setup!.result).toMatch(/ran-core\.fsmonitor[\s\S]*ran-filter\.x\.clean/);
  expect(search!.result).toContain('a.txt:1: bbb');
  expect(listing!.result).not.toContain('ran-');
  expect(outcome).toMatchObject({ outcome: 'gaveUp', summary: expect.stringContaining('filter=x') });
  expect(outcome.changes.map(({ file: name }) => name)).toEqual(['.gitattributes', 'a.txt']);
});

const awkward: Record<string, TestFile> = {
  'old name.txt': 'one\ntwo\nthree\nfour\n',
  'with "quotes" and \\.txt': 'old\n',
  'with\nline end\tand tab': 'old\n',
  'old\nname"\\': 'old\n',
  '-rf': 'old\n',
  ' ': 'old\n',
  'loses-its-end.txt': 'a\nb\n',
  'gains-an-end.txt': 'a\nb',
  'was-executable.sh': { executable: '#!/bin/sh\n' },
  'becomes-link': 'a file\n',
  'becomes-file': { link: 'nowhere' },
  'dangling-gone': { link: 'nowhere' },
  'deleted.bin': Buffer.from([0, 1, 2, 3, 0, 255]),
  'emptied.txt': 'all of it\n',
  'deleted-empty': '',
  'mixed.txt': 'crlf\r\nlf\ncr\rcrlf\r\n',
  // In the form in which git stores it: UTF-8 and LF.
  'utf16.txt': 'old\n',
  '.gitattributes': 'utf16.txt working-tree-encoding=UTF-16 eol=crlf\n',
};

const awkwardEdits = [
  'mkdir moved && mv "old name.txt" "moved/nëw name ☃.txt" && echo five >> "moved/nëw name ☃.txt"',
  'for f in with* -rf " "; do echo new >> "./$f"; done',
  "printf 'a\\nb' > loses-its-end.txt; printf 'a\\nb\\n' > gains-an-end.txt; chmod -x was-executable.sh",
  'rm becomes-link becomes-file dangling-gone deleted.bin deleted-empty; ln -s "a \\"b\\" ☃" becomes-link; echo x > becomes-file',
  ': > emptied.txt; printf "added\\r" >> mixed.txt; printf "\\000\\001" > ./-n; printf x > "$(printf \'old\\nname"\\\\\')"',
  'mkdir -p b "a/b" && echo new > b/a && echo new > a/b/dev && echo new > "a/b/ trailing "',
].join('\n');

test('the patch reproduces renames, changed modes and file types, and names that it must quote', async () => {
  const { outcome, jobId, name, model } = await stack.analyze(
    awkward,
    [
      calls(
        call('shell', { command: awkwardEdits }),
        call('edit_file', { path: 'utf16.txt', oldText: 'old', newText: 'new' }),
        call('edit_file', { path: 'mixed.txt', oldText: 'crlf\nlf', newText: 'c\nl' }),
      ),
      submit,
    ],
    { settings: { shell: true } },
  );
  expect(toolExchanges(model.requests.at(-1)!.body).map(({ isError, result }) => isError && result)).toEqual([
    false,
    false,
    false,
  ]);
  expect(outcome.outcome).toBe('changed');
  const patched = await patchedCheckout(name, outcome.artifacts.diff!);
  const tree = git(patched, 'write-tree');
  expect(await applyChangeSet(name, await readChangeSet(jobId, name))).toBe(tree);
  const was = (file: string) =>
    execFileSync('git', ['-C', patched, 'cat-file', 'blob', `${tree}:${file}`]).toString();
  expect(was('moved/nëw name ☃.txt')).toBe('one\ntwo\nthree\nfour\nfive\n');
  for (const file of ['with "quotes" and \\.txt', 'with\nline end\tand tab', '-rf', ' '])
    expect([file, was(file)]).toEqual([file, 'old\nnew\n']);
  expect(was('old\nname"\\')).toBe('x');
  expect([was('loses-its-end.txt'), was('gains-an-end.txt')]).toEqual(['a\nb', 'a\nb\n']);
  expect(was('mixed.txt')).toBe('c\r\nl\ncr\rcrlf\r\nadded\r');
  expect([was('becomes-link'), was('becomes-file'), was('emptied.txt')]).toEqual(['a "b" ☃', 'x\n', '']);
  const listed = execFileSync('git', ['-C', patched, 'ls-tree', '-r', '-z', tree]).toString().split('\0');
  const names = listed.map((entry) => entry.slice(entry.indexOf('\t') + 1));
  for (const gone of ['old name.txt', 'dangling-gone', 'deleted.bin', 'deleted-empty'])
    expect(names).not.toContain(gone);
  const modes = Object.fromEntries(
    listed.map((entry) => [entry.slice(entry.indexOf('\t') + 1), entry.slice(0, 6)]),
  );
  expect(modes).toMatchObject({
    'was-executable.sh': '100644',
    'becomes-link': '120000',
    'becomes-file': '100644',
  });
  expect(names).toEqual(expect.arrayContaining(['-n', 'b/a', 'a/b/dev', 'a/b/ trailing ']));
});

test('the patch of a repository that the model gave up applies too, with names that are not UTF-8', async () => {
  const command = `printf 'caf\\351' > "$(printf 'n\\351w \\377')" && printf more >> "$(printf 'n\\351w \\377')"; printf x > "$(printf 'n\\352w \\377')"`;
  const { outcome, name } = await stack.analyze(
    { 'a.txt': 'a\n' },
    [calls(call('shell', { command })), submit, submit, submit],
    { settings: { shell: true } },
  );
  expect(outcome).toMatchObject({ outcome: 'gaveUp', changes: [{ status: 'added' }, { status: 'added' }] });
  expect(outcome.summary).toContain('not UTF-8');
  const patched = await patchedCheckout(name, outcome.artifacts.diff!);
  const added = execFileSync('git', ['-C', patched, 'diff', '--cached', '--name-only', '-z', 'HEAD']);
  expect(added.toString('latin1')).toBe('n\xe9w \xff\0n\xeaw \xff\0');
});

/** A fresh clone with the patch applied to its index and its tree. */
async function patchedCheckout(name: string, diff: string): Promise<string> {
  const patched = await stack.checkout(name);
  const patchFile = `${patched}.patch`;
  writeFileSync(patchFile, (await stack.artifacts.read(diff))!);
  git(patched, 'apply', '--index', patchFile);
  git(patched, 'diff', '--exit-code');
  return patched;
}

async function readChangeSet(jobId: string, name: string): Promise<ChangeSet> {
  const body = await stack.artifacts.read(runArtifactKeys({ jobId, repositoryName: name, run: 1 }).changeSet);
  return ChangeSet.parse(JSON.parse(body!.toString()));
}

/**
 * Builds the tree from the change set's bytes and modes, as the pull request will. Returns its identifier.
 */
async function applyChangeSet(name: string, changeSet: ChangeSet): Promise<string> {
  const folder = await stack.checkout(name);
  git(folder, 'read-tree', changeSet.baseSha);
  for (const changed of changeSet.files.filter(({ status }) => status === 'deleted'))
    git(folder, 'update-index', '--force-remove', changed.path);
  for (const changed of changeSet.files) {
    if (changed.status === 'deleted') continue;
    const input = Buffer.from(changed.content, 'base64');
    const args = ['-C', folder, 'hash-object', '-w', '--stdin', '--no-filters'];
    const id = execFileSync('git', args, { input }).toString().trim();
    git(folder, 'update-index', '--add', '--cacheinfo', `${changed.mode},${id},${changed.path}`);
  }
  return git(folder, 'write-tree');
}

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

function file(content: string | Buffer, executable = false): string {
  return `${executable ? 'executable' : 'file'} ${Buffer.from(content).toString('latin1')}`;
}

/** Reads every file of a checkout, in the format of `file` above. */
function readTree(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !name.startsWith('.git/') && name !== '.git',
  );
  const entries = names.flatMap((name): [string, string][] => {
    const target = path.join(folder, name);
    const link = readLink(target);
    if (link) return [[name, `link to ${link}`]];
    const stats = statSync(target);
    return stats.isDirectory() ? [] : [[name, file(readFileSync(target), (stats.mode & 0o100) !== 0)]];
  });
  return Object.fromEntries(entries);
}

function readLink(target: string): string | undefined {
  try {
    return readlinkSync(target);
  } catch {
    return undefined;
  }
}

function without(tree: Record<string, string>, names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !names.includes(name)));
}
