import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runBareGit } from '../../../local/github/git.ts';
import { moveRefFile } from '../../../local/github/objects/ref-files.ts';
import { listTree } from '../../../local/github/objects/tree-listing.ts';
import { git } from '../../support/git.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';
import { initWorkTree, repositoryOf } from '../../support/work-trees.ts';

let folder: TemporaryFolder;
let head: string;
const own = () => path.join(folder.path, 'work/.git');
const asked: (readonly string[])[] = [];
const repository = () => ({
  gitFolder: own(),
  git: (args: readonly string[]) => {
    asked.push(args);
    return runBareGit(own(), args);
  },
});

beforeAll(async () => {
  folder = await temporaryFolder();
  const work = path.join(folder.path, 'work');
  await initWorkTree(work);
  await symlink('a.txt', path.join(work, 'link'));
  await writeFile(path.join(work, 'run.sh'), 'exit\n', { mode: 0o755 });
  await repositoryOf(work, {
    'a.txt': 'a\n',
    'é/b-c/d.txt': '',
    'é/b': 'bb\n',
    'é.txt': 'long\n'.repeat(9_000),
  });
  await git(work, 'update-index', '--add', '--cacheinfo', `160000,${'a'.repeat(40)},sub`);
  await git(work, 'commit', '--quiet', '--message', 'With a submodule');
  head = await git(work, 'rev-parse', 'HEAD');
});
afterAll(() => folder?.remove());

test('a tree is listed without git as git lists it', async () => {
  for (const options of [[], ['-r', '-t']] as const) {
    const read = await listTree(repository(), head, options);
    expect(asked).toEqual([]);
    const { stdout } = await runBareGit(own(), ['ls-tree', '-z', '-l', ...options, head]);
    const line = ({ mode, type, sha, size, path }: (typeof read)[number]) =>
      `${mode} ${type} ${sha} ${String(size ?? '-').padStart(7)}\t${path}`;
    expect(read.map(line)).toEqual(stdout.toString().split('\0').slice(0, -1));
  }
});

test('a ref is moved without git only if it has the value that its writer read, and nothing else holds or blocks it', async () => {
  const move = (name: string, from: string | undefined) => moveRefFile(own(), name, from, head);
  expect(await move('refs/heads/a/b', undefined)).toBe(true);
  expect(await git(path.join(folder.path, 'work'), 'rev-parse', 'a/b')).toBe(head);
  expect(await move('refs/heads/a/b', head)).toBe(true);
  expect(await move('refs/heads/a/b', undefined)).toBe(false);
  expect(await move('refs/heads/a/b', '1'.repeat(40))).toBe(false);
  expect(await move('refs/heads/a', undefined)).toBe(false);
  expect(await move('refs/heads/a/b/c', undefined)).toBe(false);
  await writeFile(path.join(own(), 'refs/heads/held.lock'), '');
  expect(await move('refs/heads/held', undefined)).toBe(false);
  await runBareGit(own(), ['pack-refs', '--all']);
  expect(await move('refs/heads/a/b', head)).toBe(false);
  const refs = await git(path.join(folder.path, 'work'), 'for-each-ref', '--format=%(refname)');
  expect(refs.split('\n')).toEqual(['refs/heads/a/b', 'refs/heads/main']);
});
