import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Octokit } from '@octokit/rest';
import {
  newBranch,
  newRepository,
  refusalOf,
  startTestGitHub,
  type TestGitHub,
} from '../../../support/github-server.ts';

const run = promisify(execFile);

let github: TestGitHub;
let owner: Octokit;

beforeAll(async () => {
  github = await startTestGitHub({
    tokens: [
      { token: 'owner' },
      { token: 'reader', login: 'reader' },
      { token: 'writer', login: 'writer' },
      { token: 'no-contents', permissions: { contents: 'read', pull_requests: 'write' } },
      { token: 'no-pulls', permissions: { contents: 'write', pull_requests: 'read' } },
      { token: 'one-only', repositories: ['local/reached'] },
    ],
    disabled: ['local/blocked'],
  });
  owner = github.client('owner');
});

afterAll(() => github.close());

const git = (...args: string[]): Promise<{ stdout: string }> =>
  run('git', args, {
    env: {
      PATH: process.env.PATH ?? '',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      LC_ALL: 'C',
    },
  });

/** A remote's URL with a token in it; only tests put one there. */
const remote = (token: string, name: string): string =>
  `${github.url.replace('http://', `http://x-access-token:${token}@`)}/${name}.git`;

test('an unknown or expired token is answered with 401, not as a missing permission', async () => {
  expect(await refusalOf(github.client('expired').users.getAuthenticated())).toMatchObject({
    status: 401,
    message: 'Bad credentials',
  });
  expect(await refusalOf(github.client().users.getAuthenticated())).toMatchObject({
    status: 401,
    message: 'Requires authentication',
  });
});

test('a token that lacks a permission can read, and is refused with the permission’s name when it writes', async () => {
  const { sha, ...place } = await newRepository(owner, 'fine-grained');
  await newBranch(owner, place, 'change', sha);
  const blob = { ...place, content: 'x' };
  const noContents = github.client('no-contents');
  expect(await refusalOf(noContents.git.createBlob(blob))).toMatchObject({
    status: 403,
    message: 'Resource not accessible by personal access token',
    headers: { 'x-accepted-github-permissions': 'contents=write' },
  });
  const pull = { ...place, title: 'Change', head: 'change', base: 'main' };
  const noPulls = github.client('no-pulls');
  expect((await noPulls.git.createBlob(blob)).headers).toMatchObject({
    'x-accepted-github-permissions': 'contents=write',
  });
  const workflow = {
    path: '.github/workflows/ci.yml',
    mode: '100644',
    type: 'blob',
    content: 'on: push\n',
  } as const;
  expect(await refusalOf(noPulls.git.createTree({ ...place, tree: [workflow] }))).toMatchObject({
    status: 403,
    headers: { 'x-accepted-github-permissions': 'contents=write,workflows=write' },
  });
  expect((await owner.git.createTree({ ...place, tree: [workflow] })).status).toBe(201);
  expect(await refusalOf(noPulls.pulls.create(pull))).toMatchObject({
    status: 403,
    headers: { 'x-accepted-github-permissions': 'pull_requests=write' },
  });
  expect((await noContents.pulls.create(pull)).data.number).toBe(1);
});

test('a reader sees that they may not write, and is refused when they do', async () => {
  const { sha, ...place } = await newRepository(owner, 'read-only');
  const reader = github.client('reader');
  expect((await reader.repos.get(place)).data.permissions).toMatchObject({ pull: true, push: false });
  const ref = { ...place, ref: 'refs/heads/new', sha };
  expect(await refusalOf(reader.git.createRef(ref))).toMatchObject({
    status: 403,
    message: 'Resource not accessible by personal access token',
  });
  await expect(git('push', remote('reader', 'local/read-only'), 'main')).rejects.toThrow();
  expect((await refusalOf(reader.repos.createForAuthenticatedUser({ name: 'theirs' }))).status).toBe(403);
  await owner.repos.addCollaborator({ ...place, username: 'writer' });
  const level = await owner.repos.getCollaboratorPermissionLevel({ ...place, username: 'writer' });
  expect(level.data).toMatchObject({ permission: 'write', role_name: 'write', user: { login: 'writer' } });
  expect((await github.client('writer').git.createRef(ref)).status).toBe(201);
});

test('a private repository is answered with 404 to a token without access', async () => {
  const { sha: _, ...reached } = await newRepository(owner, 'reached', { private: true });
  const { sha: __, ...hidden } = await newRepository(owner, 'hidden', { private: true });
  const one = github.client('one-only');
  expect((await one.repos.get(reached)).data.permissions?.push).toBe(true);
  for (const client of [one, github.client('reader'), github.client()]) {
    expect((await refusalOf(client.repos.get(hidden))).status).toBe(404);
  }
  const clone = join(github.folder, 'reached');
  await git('clone', '--quiet', remote('one-only', 'local/reached'), clone);
  const absent = join(github.folder, 'hidden');
  await expect(git('clone', remote('one-only', 'local/hidden'), absent)).rejects.toThrow(/not found/);
  await expect(git('clone', `${github.url}/local/hidden.git`, absent)).rejects.toThrow(
    /could not read Username/,
  );
});

test('an archived repository is read-only until it is unarchived', async () => {
  const { sha, ...place } = await newRepository(owner, 'archived');
  await owner.repos.update({ ...place, archived: true });
  expect((await owner.repos.get(place)).data.archived).toBe(true);
  const ref = { ...place, ref: 'refs/heads/new', sha };
  const readOnly = { status: 403, message: 'Repository was archived so is read-only.' };
  expect(await refusalOf(owner.git.createBlob({ ...place, content: 'x' }))).toMatchObject(readOnly);
  expect(await refusalOf(owner.git.createRef(ref))).toMatchObject(readOnly);
  expect(await refusalOf(owner.repos.update({ ...place, description: 'New' }))).toMatchObject(readOnly);
  expect(await refusalOf(owner.repos.addCollaborator({ ...place, username: 'ada' }))).toMatchObject(readOnly);
  const clone = join(github.folder, 'archived');
  await git('clone', '--quiet', remote('owner', 'local/archived'), clone);
  await expect(git('-C', clone, 'push', 'origin', 'HEAD:refs/heads/pushed')).rejects.toThrow(/403/);
  await owner.repos.update({ ...place, archived: false });
  expect((await owner.git.createRef(ref)).status).toBe(201);
});

test('a renamed repository is found by its old name and by its id, through REST and git', async () => {
  const { sha, ...place } = await newRepository(owner, 'before');
  const { data } = await owner.repos.update({ ...place, name: 'after' });
  await owner.repos.update({ owner: 'local', repo: 'hidden', name: 'hidden-now' });
  expect(
    (await refusalOf(github.client('reader').repos.get({ owner: 'local', repo: 'hidden' }))).status,
  ).toBe(404);
  const moved = `${github.apiUrl}/repositories/${data.id}`;
  const ask = (method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${github.apiUrl}/repos/local/before${path}`, {
      method,
      redirect: 'manual',
      headers: { authorization: 'token owner', 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  const got = await ask('GET', '/pulls?state=all');
  expect([got.status, got.headers.get('location')]).toEqual([301, `${moved}/pulls?state=all`]);
  expect(await got.json()).toMatchObject({ message: 'Moved Permanently', url: `${moved}/pulls?state=all` });
  const posted = await ask('POST', '/git/refs', { ref: 'refs/heads/x', sha });
  expect([posted.status, posted.headers.get('location')]).toEqual([307, `${moved}/git/refs`]);

  expect((await owner.repos.get(place)).data.full_name).toBe('local/after');
  await newBranch(owner, place, 'change', sha);
  const { data: pull } = await owner.pulls.create({ ...place, title: 'T', head: 'change', base: 'main' });
  expect(pull.html_url).toBe(`${github.url}/local/after/pull/1`);
  const clone = join(github.folder, 'before');
  await git('clone', '--quiet', remote('owner', 'local/before'), clone);
  expect((await git('-C', clone, 'rev-parse', 'HEAD')).stdout.trim()).toBe(sha);

  // A new repository may take the old name, with different files.
  const { sha: other } = await newRepository(owner, 'before');
  expect((await owner.git.getRef({ ...place, ref: 'heads/main' })).data.object.sha).toBe(other);
  expect((await owner.pulls.list({ ...place, state: 'all' })).data).toEqual([]);
  expect((await owner.pulls.get({ owner: 'local', repo: 'after', pull_number: 1 })).data.title).toBe('T');
});

test('an empty repository accepts objects only after the first push', async () => {
  const place = { owner: 'local', repo: 'empty' };
  await owner.repos.createForAuthenticatedUser({ name: 'empty' });
  const empty = { status: 409, message: 'Git Repository is empty.' };
  expect(await refusalOf(owner.git.createBlob({ ...place, content: 'x' }))).toMatchObject(empty);
  expect(await refusalOf(owner.git.getRef({ ...place, ref: 'heads/main' }))).toMatchObject(empty);
  expect(await refusalOf(owner.repos.getCommit({ ...place, ref: 'main' }))).toMatchObject(empty);
  expect(await refusalOf(owner.repos.getContent({ ...place, path: 'a' }))).toMatchObject({
    status: 404,
    message: 'This repository is empty.',
  });
  expect((await refusalOf(owner.repos.getBranch({ ...place, branch: 'main' }))).status).toBe(404);
  await newRepository(owner, 'source');
  const clone = join(github.folder, 'source');
  await git('clone', '--quiet', remote('owner', 'local/source'), clone);
  await git('-C', clone, 'push', '--quiet', remote('owner', 'local/empty'), 'HEAD:refs/heads/trunk');
  expect((await owner.git.createBlob({ ...place, content: 'x' })).status).toBe(201);
  expect((await owner.repos.get(place)).data.default_branch).toBe('trunk');
});

test('a repository that GitHub has disabled refuses every request', async () => {
  await owner.repos.createForAuthenticatedUser({ name: 'blocked', auto_init: true });
  const place = { owner: 'local', repo: 'blocked' };
  const { status, message } = await refusalOf(owner.repos.get(place));
  expect([status, message]).toEqual([403, 'Repository access blocked']);
  await expect(git('clone', remote('owner', 'local/blocked'), join(github.folder, 'b'))).rejects.toThrow(
    /403/,
  );
  const { data } = await owner.repos.listForAuthenticatedUser();
  expect(data.find(({ name }) => name === 'blocked')?.disabled).toBe(true);
});

test('using a label creates it once, without regard to case', async () => {
  const { sha, ...place } = await newRepository(owner, 'labelled');
  await newBranch(owner, place, 'change', sha);
  await owner.pulls.create({ ...place, title: 'T', head: 'change', base: 'main' });
  await owner.issues.createLabel({ ...place, name: 'Bot', color: 'c0ffee', description: 'By a machine' });
  const add = (labels: string[]) => owner.issues.addLabels({ ...place, issue_number: 1, labels });
  expect((await add(['bot', 'new'])).data.map(({ name, color }) => [name, color])).toEqual([
    ['Bot', 'c0ffee'],
    ['new', 'ededed'],
  ]);
  await Promise.all([add(['NEW', 'one']), add(['One', 'two'])]);
  const { data: all } = await owner.issues.listLabelsForRepo(place);
  expect(all.map(({ name }) => name.toLowerCase())).toEqual(['bot', 'new', 'one', 'two']);
  expect(new Set(all.map(({ id }) => id)).size).toBe(4);
  expect((await owner.pulls.get({ ...place, pull_number: 1 })).data.labels).toHaveLength(4);
  const again = owner.issues.createLabel({ ...place, name: 'BOT' });
  expect((await refusalOf(again)).status).toBe(422);
});

test('a review can be requested from collaborators and teams only, from all of them or from none', async () => {
  const { sha, ...place } = await newRepository(owner, 'reviewed', { org: 'acme' });
  await newBranch(owner, place, 'change', sha);
  await owner.pulls.create({ ...place, title: 'T', head: 'change', base: 'main' });
  await owner.repos.addCollaborator({ ...place, username: 'ada' });
  await owner.teams.create({ org: 'acme', name: 'Core Team' });
  const ask = (reviewers: string[], teams: string[] = []) =>
    owner.pulls.requestReviewers({ ...place, pull_number: 1, reviewers, team_reviewers: teams });
  const strangers = {
    status: 422,
    message:
      'Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the acme/reviewed repository.',
  };
  expect(await refusalOf(ask(['ada', 'stranger']))).toMatchObject(strangers);
  expect(await refusalOf(ask(['ada'], ['core-team']))).toMatchObject(strangers);
  expect((await refusalOf(ask(['local']))).message).toBe(
    'Review cannot be requested from pull request author.',
  );
  const teamRepository = { org: 'acme', team_slug: 'core-team', ...place };
  await owner.teams.addOrUpdateRepoPermissionsInOrg(teamRepository);
  await ask(['Ada'], ['core-team']);
  await ask(['ada']);
  const { data } = await owner.pulls.listRequestedReviewers({ ...place, pull_number: 1 });
  expect(data.users.map(({ login }) => login)).toEqual(['Ada']);
  expect(data.teams.map(({ name, slug }) => [name, slug])).toEqual([['Core Team', 'core-team']]);
});
