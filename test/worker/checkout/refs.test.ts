import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inspectWorkTree, pushHead } from '../../../cli/trees/work-tree.ts';
import { text } from '../../support/import-trees.ts';
import { RawTrees } from '../../support/raw-trees.ts';

let trees: RawTrees;
beforeAll(async () => {
  trees = await RawTrees.start();
  await trees.commit({
    main: new Map([['a.txt', text('of the branch\n')]]),
    'release/1.x': new Map([['a.txt', text('of the release\n')]]),
    other: new Map([['a.txt', text('of the tag\n')]]),
  });
  for (const name of ['main', 'release/1.x', 'v1.0']) await trees.git(['tag', name, 'refs/heads/other']);
});
afterAll(() => trees.close());

test('a branch that shares its name with a tag is cloned and pushed instead of the tag', async () => {
  for (const branch of ['main', 'release/1.x']) {
    const { clone, workspace } = await trees.clone(branch);
    const sha = String(await trees.git(['rev-parse', `refs/heads/${branch}`])).trim();
    expect(clone).toMatchObject({ baseBranch: branch, baseSha: sha });
    workspace.remove();
  }

  const folder = path.join(trees.folder, 'work tree ');
  await trees.git(['clone', '--quiet', '--branch', 'main', trees.bare, folder]);
  const inspected = await inspectWorkTree(folder);
  expect(inspected).toMatchObject({ branch: 'main', path: folder });
  const pushed = path.join(trees.folder, 'pushed.git');
  await trees.git(['init', '--quiet', '--bare', pushed]);
  await pushHead(inspected, pushed);
  const refs = await trees.git(['for-each-ref', '--format=%(objectname) %(refname)'], { folder: pushed });
  expect(String(refs)).toBe(`${inspected.headSha} refs/heads/main\n`);
});

test('the error says if the base branch is a tag or does not exist', async () => {
  await expect(trees.clone('v1.0')).rejects.toMatchObject({
    name: 'RepositoryUnavailableError',
    message: expect.stringMatching(/^acme\/raw has no branch v1\.0: that is a tag.*settings\.baseBranch/),
  });
  await expect(trees.clone('nowhere')).rejects.toMatchObject({
    name: 'RepositoryUnavailableError',
    message: expect.stringMatching(/^acme\/raw has no branch nowhere; correct settings\.baseBranch/),
  });
});

test('a SHA-256 repository is refused with a one-line error, both at the clone and at the registration', async () => {
  const modern = await RawTrees.start();
  try {
    await rm(modern.bare, { recursive: true });
    const init = ['init', '--quiet', '--object-format=sha256', '--initial-branch=main'];
    await modern.git([...init, '--bare', modern.bare]);
    await modern.commit({ main: new Map([['a.txt', text('a\n')]]) });
    const folder = path.join(modern.folder, 'modern');
    await modern.git(['clone', '--quiet', modern.bare, folder]);
    for (const [refused, name] of [
      [modern.clone('main'), 'RepositoryUnavailableError'],
      [inspectWorkTree(folder), 'InvalidInputError'],
    ] as const)
      await expect(refused).rejects.toMatchObject({
        name,
        message: expect.stringMatching(/^[^\n]* uses SHA-256 for its objects,[^\n]*leave it out[^\n]*$/),
      });
  } finally {
    await modern.close();
  }
});
