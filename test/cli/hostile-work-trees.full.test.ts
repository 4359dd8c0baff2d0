import { chownSync, existsSync } from 'node:fs';
import { appendFile, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { startGitHub } from '../../local/github/server.ts';
import { git } from '../support/git.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gitHub: Awaited<ReturnType<typeof startGitHub>>;
let canary: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  gitHub = await startGitHub({ access: 'anyone', dataFolder: path.join(folder.path, 'github') });
  canary = path.join(folder.path, 'canary');
});
afterEach(() => rm(canary, { force: true }));
afterAll(async () => {
  await gitHub.close();
  await folder.remove();
});

/** Whatever runs it leaves the canary. A filter has to pass its input on, so that git goes on. */
const runs = () => `touch ${canary}; cat`;

/** A tree whose `a.txt` git has to look into to know whether it was changed, and `b.txt` was. */
async function treeOf(name: string, files: Record<string, string> = {}): Promise<string> {
  const tree = path.join(folder.path, name);
  await repositoryOf(tree, { 'a.txt': 'a\n', 'b.txt': 'b\n', ...files });
  await utimes(path.join(tree, 'a.txt'), 1, 1);
  await writeFile(path.join(tree, 'b.txt'), 'changed\n');
  return tree;
}

/** What `run --repo` does with a tree; the commit that the local GitHub has of it then. */
async function read(tree: string) {
  const inspected = await inspectWorkTree(tree);
  const [registered] = await registerWorkTrees([inspected], gitHub.url);
  const url = `${gitHub.url}/${registered!.repositoryName}.git`;
  const pushed = await git(folder.path, 'ls-remote', url, `refs/heads/${inspected.branch}`);
  expect(pushed.split('\t')[0]).toBe(inspected.headSha);
  return inspected;
}

const PLANTED: [what: string, config: () => string, files?: Record<string, string>][] = [
  ['a clean filter', () => `[filter "x"]\n\tclean = ${runs()}\n`, { '.gitattributes': '*.txt filter=x\n' }],
  [
    'a long-running filter that is required',
    () => `[filter "x"]\n\tprocess = ${runs()}\n\trequired = true\n`,
    { '.gitattributes': '*.txt filter=x\n' },
  ],
  [
    'another address for the server',
    () =>
      `[url "ext::sh -c ${escaped()} %S"]\n\tinsteadOf = http://127.0.0.1:\n[protocol "ext"]\n\tallow = always\n`,
  ],
  [
    'another address to push to',
    () =>
      `[url "ext::sh -c ${escaped()} %S"]\n\tpushInsteadOf = http://\n[protocol "ext"]\n\tallow = always\n`,
  ],
  ['a monitor of files', () => `[core]\n\tfsmonitor = ${runs()}\n`],
  ['a program in place of ssh', () => `[core]\n\tsshCommand = ${runs()}\n`],
  ['a helper for credentials', () => `[credential]\n\thelper = "!${runs()}"\n`],
  [
    'drivers of differences',
    () => `[diff "x"]\n\ttextconv = ${runs()}\n\tcommand = ${runs()}\n`,
    { '.gitattributes': '*.txt diff=x\n' },
  ],
  [
    'a program for alternates',
    () => `[core]\n\talternateRefsCommand = ${runs()}\n[uploadpack]\n\tpackObjectsHook = ${runs()}\n`,
  ],
];
/** As ext:: takes an argument with blanks. */
const escaped = () => `touch% ${canary}`;

test.each(PLANTED)(
  '%s in the configuration of a work tree does not run',
  async (what, config, files = {}) => {
    const tree = await treeOf(what.replaceAll(' ', '-'), files);
    await appendFile(path.join(tree, '.git/config'), config());
    // b.txt alone: no conversion of the tree's makes a file differ, and none hides one.
    expect((await read(tree)).uncommitted).toBe(1);
    expect(existsSync(canary)).toBe(false);
  },
);

test('what a configuration includes, and the hooks of a tree, do not run', async () => {
  const tree = await treeOf('included', { '.gitattributes': '*.txt filter=x\n' });
  await writeFile(path.join(folder.path, 'included.config'), `[filter "x"]\n\tclean = ${runs()}\n`);
  await appendFile(path.join(tree, '.git/config'), `[include]\n\tpath = ${folder.path}/included.config\n`);
  await mkdir(path.join(tree, '.git/hooks'), { recursive: true });
  for (const hook of ['pre-push', 'post-index-change', 'fsmonitor-watchman', 'reference-transaction'])
    await writeFile(path.join(tree, '.git/hooks', hook), `#!/bin/sh\n${runs()}\n`, { mode: 0o755 });
  expect((await read(tree)).uncommitted).toBe(1);
  expect(existsSync(canary)).toBe(false);
});

test('a linked work tree and the folder of a submodule are read, and their configuration does not run', async () => {
  const tree = await treeOf('with-links', { '.gitattributes': '*.txt filter=x\n' });
  const linked = path.join(folder.path, 'linked');
  await git(tree, 'worktree', 'add', '--quiet', '-b', 'feature/x', linked);
  await git(tree, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', tree, 'sub');
  await appendFile(path.join(tree, '.git/config'), '[extensions]\n\tworktreeConfig = true\n');
  const filter = `[filter "x"]\n\tclean = ${runs()}\n`;
  await writeFile(path.join(tree, '.git/worktrees/linked/config.worktree'), filter);
  await appendFile(path.join(tree, '.git/modules/sub/config'), filter);
  for (const place of [linked, path.join(tree, 'sub')]) {
    await utimes(path.join(place, 'a.txt'), 1, 1);
    await writeFile(path.join(place, 'b.txt'), 'changed\n');
  }
  expect(await read(linked)).toMatchObject({ branch: 'feature/x', uncommitted: 1 });
  expect(await read(path.join(tree, 'sub'))).toMatchObject({ branch: 'main', uncommitted: 1 });
  expect(existsSync(canary)).toBe(false);
});

test('a tree cannot be about another folder, or take objects from another repository', async () => {
  const secret = await treeOf('secret', { 'private.txt': 'private\n' });
  const elsewhere = await treeOf('elsewhere');
  await appendFile(path.join(elsewhere, '.git/config'), `[core]\n\tworktree = ${secret}\n`);
  expect(await read(elsewhere)).toMatchObject({ path: elsewhere, uncommitted: 1 });

  const thief = await treeOf('thief');
  await mkdir(path.join(thief, '.git/objects/info'), { recursive: true });
  await writeFile(path.join(thief, '.git/objects/info/alternates'), `${secret}/.git/objects\n`);
  await writeFile(path.join(thief, '.git/refs/heads/main'), `${await git(secret, 'rev-parse', 'HEAD')}\n`);
  await expect(inspectWorkTree(thief)).rejects.toMatchObject({
    name: 'InvalidInputError',
    message: expect.stringMatching(
      /^[^\n]*thief does not have all objects[^\n]*alternates[^\n]*full clone[^\n]*$/,
    ),
  });
});

test('a missing object is said, and is not fetched from where the configuration of a tree says', async () => {
  const tree = await treeOf('incomplete');
  const blob = await git(tree, 'rev-parse', 'HEAD:a.txt');
  await rename(
    path.join(tree, '.git/objects', blob.slice(0, 2), blob.slice(2)),
    path.join(folder.path, 'missing'),
  );
  await appendFile(
    path.join(tree, '.git/config'),
    `[extensions]\n\tpartialClone = origin\n[remote "origin"]\n\tpromisor = true\n\turl = ext::sh -c ${escaped()} %S\n[protocol "ext"]\n\tallow = always\n`,
  );
  await expect(inspectWorkTree(tree)).rejects.toMatchObject({
    message: expect.stringMatching(/does not have all objects of its HEAD: it is a partial clone/),
  });
  expect(existsSync(canary)).toBe(false);
});

test('no GIT variable of the shell reaches the git that reads a tree', async () => {
  const tree = await treeOf('variables', { '.gitattributes': '*.txt filter=x\n' });
  const other = await treeOf('other-variables');
  const planted = {
    GIT_DIR: path.join(other, '.git'),
    GIT_OBJECT_DIRECTORY: path.join(other, '.git/objects'),
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'filter.x.clean',
    GIT_CONFIG_VALUE_0: runs(),
    GIT_EXTERNAL_DIFF: runs(),
  };
  const headSha = await git(tree, 'rev-parse', 'HEAD');
  Object.assign(process.env, planted);
  try {
    expect(await read(tree)).toMatchObject({ headSha, uncommitted: 1 });
  } finally {
    for (const name of Object.keys(planted)) delete process.env[name];
  }
  expect(existsSync(canary)).toBe(false);
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot("another owner's tree is refused as git refuses it, in one line that says what to do", async () => {
  const tree = await treeOf('of-another');
  chownSync(tree, 65534, 65534);
  const { HOME } = process.env;
  process.env.HOME = path.join(folder.path, 'home');
  await mkdir(process.env.HOME, { recursive: true });
  try {
    await expect(inspectWorkTree(tree)).rejects.toMatchObject({
      name: 'InvalidInputError',
      message: expect.stringMatching(
        /^[^\n]*of-another is not yours: [^\n]* belongs to the user 65534[^\n]*git config --global --add safe\.directory [^\n]*$/,
      ),
    });
    // What is advised helps.
    await writeFile(path.join(process.env.HOME, '.gitconfig'), `[safe]\n\tdirectory = ${tree}\n`);
    expect((await read(tree)).uncommitted).toBe(1);
  } finally {
    process.env.HOME = HOME;
  }
});
