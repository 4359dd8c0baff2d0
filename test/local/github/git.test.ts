import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import { type LocalGitHub, startGitHub } from '../../../local/github/server.ts';

const run = promisify(execFile);

let folder: string;
let github: LocalGitHub;
let octokit: Octokit;

const environment = {
  PATH: process.env.PATH ?? '',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
};

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, { cwd, env: environment });
  return stdout.trim();
}

/** A work tree on `branch` with one commit that has every kind of file that a push could damage. */
async function workTree(name: string, branch = 'main'): Promise<string> {
  const tree = join(folder, name);
  await run('git', ['init', '--quiet', `--initial-branch=${branch}`, tree], { env: environment });
  await writeFile(join(tree, 'readme.txt'), 'one\ntwo\n');
  await writeFile(join(tree, 'windows.txt'), 'one\r\ntwo\r\n');
  await writeFile(join(tree, 'image.bin'), Buffer.from([0, 255, 13, 10, 0, 26, 128]));
  await writeFile(join(tree, 'two words é.txt'), 'named with care\n');
  await writeFile(join(tree, 'run.sh'), '#!/bin/sh\n');
  await chmod(join(tree, 'run.sh'), 0o755);
  await symlink('readme.txt', join(tree, 'link'));
  await git(tree, 'add', '--all');
  await git(tree, 'commit', '--quiet', '-m', 'First');
  return tree;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'github-git-test-'));
  github = await startGitHub({ access: 'anyone', dataFolder: join(folder, 'data') });
  octokit = new Octokit({ baseUrl: github.apiUrl, auth: 'any' });
});

afterAll(async () => {
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

test('a clone returns what was pushed byte for byte, with modes, links and line endings', async () => {
  const { data } = await octokit.repos.createForAuthenticatedUser({ name: 'every-kind' });
  expect(data.clone_url).toBe(`${github.url}/local/every-kind.git`);
  const tree = await workTree('every-kind');
  await git(tree, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/main');

  const clone = join(folder, 'every-kind-clone');
  await git(folder, 'clone', '--quiet', data.clone_url, clone);
  expect(await git(clone, 'rev-parse', 'HEAD^{tree}')).toBe(await git(tree, 'rev-parse', 'HEAD^{tree}'));
  expect(await git(clone, 'ls-tree', '-r', 'HEAD')).toMatch(
    /100755 blob \w+\trun\.sh[\s\S]*|120000 blob \w+\tlink/,
  );
  expect(await readFile(join(clone, 'windows.txt'), 'utf8')).toBe('one\r\ntwo\r\n');
  expect(await readFile(join(clone, 'image.bin'))).toEqual(Buffer.from([0, 255, 13, 10, 0, 26, 128]));
  expect(await git(clone, 'status', '--porcelain')).toBe('');
});

test('the first branch that is pushed becomes the default branch under any name', async () => {
  const { data } = await octokit.repos.createInOrg({ org: 'acme', name: 'trunk-based' });
  const tree = await workTree('trunk-based', 'trunk');
  await git(tree, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/trunk');
  const { data: after } = await octokit.repos.get({ owner: 'acme', repo: 'trunk-based' });
  expect(after.default_branch).toBe('trunk');
  expect(after.pushed_at).not.toBeNull();
  expect(await git(folder, 'ls-remote', '--symref', data.clone_url, 'HEAD')).toContain(
    'ref: refs/heads/trunk\tHEAD',
  );
});

test('a work tree that is itself a shallow clone can be registered', async () => {
  const tree = await workTree('deep');
  await writeFile(join(tree, 'readme.txt'), 'one\ntwo\nthree\n');
  await git(tree, 'commit', '--quiet', '--all', '-m', 'Second');
  const shallow = join(folder, 'shallow');
  await git(folder, 'clone', '--quiet', '--depth', '1', `file://${tree}`, shallow);
  const { data } = await octokit.repos.createForAuthenticatedUser({ name: 'shallow' });
  await git(shallow, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/main');
  const { data: branch } = await octokit.repos.getBranch({ owner: 'local', repo: 'shallow', branch: 'main' });
  expect(branch.commit.sha).toBe(await git(tree, 'rev-parse', 'HEAD'));

  const again = join(folder, 'shallow-again');
  await git(
    folder,
    'clone',
    '--quiet',
    '--depth',
    '1',
    '--single-branch',
    '--no-tags',
    data.clone_url,
    again,
  );
  expect(await git(again, 'rev-parse', 'HEAD')).toBe(branch.commit.sha);
});

test('ten clones and a push at the same time all succeed', async () => {
  const { data } = await octokit.repos.createForAuthenticatedUser({ name: 'busy' });
  const tree = await workTree('busy');
  await git(tree, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/main');
  const clones = Array.from({ length: 10 }, (_, index) =>
    git(folder, 'clone', '--quiet', '--depth', '1', data.clone_url, join(folder, `busy-${index}`)),
  );
  await Promise.all([...clones, git(tree, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/other')]);
  const heads = await Promise.all(
    clones.map((_, index) => git(join(folder, `busy-${index}`), 'rev-parse', 'HEAD')),
  );
  expect(new Set(heads)).toEqual(new Set([await git(tree, 'rev-parse', 'HEAD')]));
});

test('a file of several megabytes streams in and out', async () => {
  const { data } = await octokit.repos.createForAuthenticatedUser({ name: 'large' });
  const tree = await workTree('large');
  // Random bytes over git's 1 MiB post buffer, so that the push is chunked.
  let block = Buffer.from('seed');
  const blocks: Buffer[] = [];
  for (let size = 0; size < 4 * 1024 * 1024; size += 64) {
    block = createHash('sha512').update(block).digest();
    blocks.push(block);
  }
  await writeFile(join(tree, 'large.bin'), Buffer.concat(blocks));
  await git(tree, 'add', '--all');
  await git(tree, 'commit', '--quiet', '-m', 'Large');
  await git(tree, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/main');
  await git(folder, 'clone', '--quiet', data.clone_url, join(folder, 'large-clone'));
  const cloned = await readFile(join(folder, 'large-clone', 'large.bin'));
  expect(cloned.equals(Buffer.concat(blocks))).toBe(true);
});

test('a fetch with a compressed request works', async () => {
  await octokit.repos.createForAuthenticatedUser({ name: 'compressed' });
  const tree = await workTree('compressed');
  await git(tree, 'push', '--quiet', `${github.url}/local/compressed.git`, 'HEAD:refs/heads/main');
  const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`;
  const response = await fetch(`${github.url}/local/compressed.git/git-upload-pack`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-git-upload-pack-request',
      'content-encoding': 'gzip',
      'git-protocol': 'version=2',
    },
    body: gzipSync(`${line('command=ls-refs\n')}0001${line('ref-prefix refs/heads/\n')}0000`),
  });
  expect(response.status).toBe(200);
  expect(await response.text()).toContain(`${await git(tree, 'rev-parse', 'HEAD')} refs/heads/main`);
});

test('a client that disconnects during a request does not keep the server from closing', async () => {
  const other = await startGitHub({ access: 'anyone', dataFolder: join(folder, 'left') });
  const client = new Octokit({ baseUrl: other.apiUrl });
  await client.repos.createForAuthenticatedUser({ name: 'left' });
  const request = http.request(`${other.url}/local/left.git/git-receive-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-receive-pack-request', 'transfer-encoding': 'chunked' },
  });
  const ended = new Promise((resolve) => request.once('error', resolve).once('close', resolve));
  request.write('00');
  await new Promise((resolve) => setTimeout(resolve, 100));
  request.destroy();
  await ended;
  await expect(other.close()).resolves.toBeUndefined();
});

test('a pull request can be fetched by its number after its branch is deleted', async () => {
  const repository = { owner: 'local', repo: 'fetched' };
  await octokit.repos.createForAuthenticatedUser({ name: 'fetched' });
  const remote = `${github.url}/local/fetched.git`;
  const tree = await workTree('fetched');
  await git(tree, 'push', '--quiet', remote, 'HEAD:refs/heads/main');
  await writeFile(join(tree, 'readme.txt'), 'changed\n');
  await git(tree, 'commit', '--quiet', '--all', '-m', 'Change');
  await git(tree, 'push', '--quiet', remote, 'HEAD:refs/heads/change');
  await octokit.pulls.create({ ...repository, title: 'Change', head: 'change', base: 'main' });
  await git(tree, 'push', '--quiet', remote, ':refs/heads/change');

  const { data } = await octokit.pulls.get({ ...repository, pull_number: 1 });
  expect([data.state, data.merged, data.changed_files]).toEqual(['closed', false, 1]);
  await git(tree, 'fetch', '--quiet', remote, 'pull/1/head');
  expect(await git(tree, 'rev-parse', 'FETCH_HEAD')).toBe(data.head.sha);
});

test('a file name that is not UTF-8 survives an edit of another file by the API', async () => {
  const repository = { owner: 'local', repo: 'latin' };
  await octokit.repos.createForAuthenticatedUser({ name: 'latin' });
  const tree = await workTree('latin');
  const blob = await git(tree, 'rev-parse', 'HEAD:readme.txt');
  const mktree = run('git', ['mktree', '-z'], { cwd: tree, env: environment });
  const entries = Buffer.from(`100644 blob ${blob}\tcaf\xe9.txt\0`, 'latin1');
  mktree.child.stdin?.end(entries);
  const base = (await mktree).stdout.trim();
  const commit = await git(tree, 'commit-tree', '-m', 'Latin', base);
  await git(tree, 'push', '--quiet', `${github.url}/local/latin.git`, `${commit}:refs/heads/main`);
  const { data } = await octokit.git.createTree({
    ...repository,
    base_tree: base,
    tree: [{ path: 'new.txt', mode: '100644', type: 'blob', content: 'new\n' }],
  });
  const { data: made } = await octokit.git.createCommit({
    ...repository,
    message: 'm',
    tree: data.sha,
    parents: [commit],
  });
  await octokit.git.updateRef({ ...repository, ref: 'heads/main', sha: made.sha });
  await git(tree, 'fetch', '--quiet', `${github.url}/local/latin.git`, 'main');
  expect(await git(tree, 'ls-tree', '--name-only', 'FETCH_HEAD')).toBe('"caf\\351.txt"\nnew.txt');
});

test('a change made through the API has the same tree as in git, also in a packed repository', async () => {
  const repository = { owner: 'local', repo: 'packed' };
  await octokit.repos.createForAuthenticatedUser({ name: 'packed' });
  const remote = `${github.url}/local/packed.git`;
  const tree = await workTree('packed');
  // Over 100 objects (receive.unpackLimit), so that the push stays a pack, and names that git sorts in
  // its own order.
  for (const name of ['a', 'a-b', 'a.b', 'a0']) {
    await mkdir(join(tree, name));
    for (let index = 0; index < 40; index++) {
      await writeFile(join(tree, name, `file-${index}.txt`), `${name} ${index}\n`);
    }
  }
  await git(tree, 'add', '--all');
  await git(tree, 'commit', '--quiet', '-m', 'Many');
  await git(tree, 'push', '--quiet', remote, 'HEAD:refs/heads/main');
  const base = await git(tree, 'rev-parse', 'HEAD');

  const { data: blob } = await octokit.git.createBlob({
    ...repository,
    content: Buffer.from([0, 1, 2, 255]).toString('base64'),
    encoding: 'base64',
  });
  const file = { mode: '100644', type: 'blob' } as const;
  const removed = Array.from({ length: 40 }, (_, index) => ({
    ...file,
    path: `a.b/file-${index}.txt`,
    sha: null,
  }));
  const { data: made } = await octokit.git.createTree({
    ...repository,
    base_tree: base,
    tree: [
      { ...file, path: 'a/file-3.txt', content: 'changed\n' },
      { ...file, path: 'a/deep/new.bin', sha: blob.sha },
      { ...file, path: 'a-b/run', mode: '100755', content: '#!/bin/sh\n' },
      { ...file, path: 'a1', mode: '120000', content: 'a/file-3.txt' },
      { ...file, path: 'readme.txt', sha: null },
      ...removed,
    ],
  });
  const { data: commit } = await octokit.git.createCommit({
    ...repository,
    message: 'Change',
    tree: made.sha,
    parents: [base],
  });
  await octokit.git.createRef({ ...repository, ref: 'refs/heads/change', sha: commit.sha });

  await writeFile(join(tree, 'a/file-3.txt'), 'changed\n');
  await mkdir(join(tree, 'a/deep'));
  await writeFile(join(tree, 'a/deep/new.bin'), Buffer.from([0, 1, 2, 255]));
  await writeFile(join(tree, 'a-b/run'), '#!/bin/sh\n');
  await chmod(join(tree, 'a-b/run'), 0o755);
  await symlink('a/file-3.txt', join(tree, 'a1'));
  await git(tree, 'rm', '-r', '--quiet', 'readme.txt', 'a.b');
  await git(tree, 'add', '--all');
  expect(made.sha).toBe(await git(tree, 'write-tree'));
  const bare = join(folder, 'data/local/packed.git');
  expect(await git(bare, 'fsck', '--strict', '--no-dangling')).toBe('');
  const { data } = await octokit.repos.compareCommitsWithBasehead({
    ...repository,
    basehead: 'main...change',
  });
  expect([data.ahead_by, data.files?.length]).toEqual([1, 45]);
});

test('a server that is killed loses no repository and no pull request', async () => {
  const dataFolder = join(folder, 'killed');
  const server = new URL('../../../local/github/server.ts', import.meta.url).href;
  const script = `const { startGitHub } = await import(${JSON.stringify(server)});
    console.log((await startGitHub({ access: 'anyone', dataFolder: ${JSON.stringify(dataFolder)} })).apiUrl);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const apiUrl = await new Promise<string>((resolve) => {
    child.stdout.once('data', (line) => resolve(String(line).trim()));
  });
  const client = new Octokit({ baseUrl: apiUrl });
  const { data } = await client.repos.createForAuthenticatedUser({ name: 'kept' });
  const tree = await workTree('killed-tree');
  await git(tree, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/main');
  await writeFile(join(tree, 'readme.txt'), 'changed\n');
  await git(tree, 'commit', '--quiet', '--all', '-m', 'Change');
  await git(tree, 'push', '--quiet', data.clone_url, 'HEAD:refs/heads/change');
  await client.pulls.create({ owner: 'local', repo: 'kept', title: 'Kept', head: 'change', base: 'main' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;

  const again = await startGitHub({ access: 'anyone', dataFolder });
  const { data: pull } = await new Octokit({ baseUrl: again.apiUrl }).pulls.get({
    owner: 'local',
    repo: 'kept',
    pull_number: 1,
  });
  await again.close();
  expect([pull.title, pull.state, pull.head.sha]).toEqual([
    'Kept',
    'open',
    await git(tree, 'rev-parse', 'HEAD'),
  ]);
});

test('a change merged on the command line shows as a merged pull request', async () => {
  const repository = { owner: 'local', repo: 'merged-by-hand' };
  await octokit.repos.createForAuthenticatedUser({ name: 'merged-by-hand' });
  const remote = `${github.url}/local/merged-by-hand.git`;
  const tree = await workTree('merged-by-hand');
  await git(tree, 'push', '--quiet', remote, 'HEAD:refs/heads/main');
  await writeFile(join(tree, 'readme.txt'), 'changed\n');
  await git(tree, 'commit', '--quiet', '--all', '-m', 'Change');
  await git(tree, 'push', '--quiet', remote, 'HEAD:refs/heads/change');
  await octokit.pulls.create({ ...repository, title: 'Change', head: 'change', base: 'main' });
  await git(tree, 'push', '--quiet', remote, 'HEAD:refs/heads/main');

  const { data } = await octokit.pulls.get({ ...repository, pull_number: 1 });
  expect([data.state, data.merged, data.changed_files]).toEqual(['closed', true, 1]);
});
