import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { filesOf } from '../../web/src/diff/patch-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The worker's own options, with renames, as the page of a pull request has them. */
const DIFF = ['diff', '--cached', '-M', '--binary', '--full-index', '--src-prefix=a/', '--dst-prefix=b/'];

async function patchOf(before: Record<string, string>, change: (folder: string) => void): Promise<string> {
  const folder = await temporaryFolder();
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder.path, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  git('init', '-q');
  for (const [name, text] of Object.entries(before)) write(folder.path, name, text);
  git('add', '-A');
  git('commit', '-qm', 'base');
  change(folder.path);
  git('add', '-A');
  const patch = git(...DIFF);
  await folder.remove();
  return patch;
}

function write(folder: string, name: string, text: string | Buffer): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
}

test('names, modes, renames, binary files and missing line ends of a git patch are read as git means them', async () => {
  const names = ['tab\there', 'quote"d', 'back\\slash', 'ünï cödé', 'blank ', 'a b/c b/d', '-- a'];
  const before = {
    ...Object.fromEntries(names.map((name) => [name, 'one\n'])),
    'old.js': 'one\ntwo\nthree\nfour\nfive\n',
    gone: 'x\n',
    run: 'x\n',
    dos: 'one\r\ntwo\r\n',
    sql: '-- a\n++ b\n',
  };
  const patch = await patchOf(before, (folder) => {
    for (const name of names) write(folder, name, 'two\n');
    renameSync(path.join(folder, 'old.js'), path.join(folder, 'new name.js'));
    renameSync(path.join(folder, 'gone'), path.join(folder, 'empty'));
    write(folder, 'empty', '');
    chmodSync(path.join(folder, 'run'), 0o755);
    write(folder, 'dos', 'one\r\nTWO\r\n');
    write(folder, 'sql', '+++ c');
    write(folder, 'image', Buffer.from([0, 1, 2, 255]));
  });
  const files = new Map(filesOf(patch).map((file) => [file.name, file]));
  expect([...files.keys()].sort()).toEqual(
    [...names, 'new name.js', 'gone', 'empty', 'run', 'dos', 'sql', 'image'].sort(),
  );
  for (const name of names) expect(files.get(name)).toMatchObject({ additions: 1, deletions: 1 });
  expect(files.get('new name.js')).toMatchObject({ kind: 'renamed', oldName: 'old.js', hunks: [] });
  expect(files.get('gone')).toMatchObject({ kind: 'deleted' });
  expect(files.get('empty')).toMatchObject({ kind: 'added', hunks: [] });
  expect(files.get('run')).toMatchObject({ oldMode: '100644', newMode: '100755', hunks: [] });
  expect(files.get('dos')).toMatchObject({ isCrlf: true, additions: 1 });
  expect(files.get('sql')).toMatchObject({ additions: 1, deletions: 2, isCrlf: false });
  expect(files.get('sql')!.hunks[0]!.lines).toContain('\\ No newline at end of file');
  expect(files.get('image')).toMatchObject({ kind: 'added', isBinary: true, hunks: [] });
});

test('a damaged part of a patch is shown as it is and hides no other', () => {
  const good = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n';
  const bad = 'diff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1,9 +1 @@\n-a\n+b\n?\n';
  const files = filesOf(good + bad + good);
  expect(files.map(({ name, lines }) => [name, lines?.length])).toEqual([
    ['x', undefined],
    ['y', 7],
    ['x', undefined],
  ]);
  expect(filesOf('not a patch\n')[0]).toMatchObject({ lines: ['not a patch'] });
});
