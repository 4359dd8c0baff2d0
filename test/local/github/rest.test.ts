import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import { type LocalGitHub, startGitHub } from '../../../local/github/server.ts';

const run = promisify(execFile);

let folder: string;
let github: LocalGitHub;
let octokit: Octokit;

// Several tests provoke refusals, and Octokit would print each.
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const connect = (apiUrl: string): Octokit => new Octokit({ baseUrl: apiUrl, auth: 'any', log: quiet });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'github-rest-test-'));
  github = await startGitHub({ access: 'anyone', dataFolder: join(folder, 'data') });
  octokit = connect(github.apiUrl);
});

afterAll(async () => {
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

type Place = { owner: string; repo: string };
type Entry = NonNullable<Parameters<Octokit['git']['createTree']>[0]>['tree'][number];

const BINARY = Buffer.from([0, 255, 13, 10, 0, 26, 128]);
const PERSON = { name: 'Ada', email: 'ada@example.com', date: '2026-11-01T10:00:00+02:00' };

async function commit(place: Place, tree: Entry[], parent?: string): Promise<string> {
  const { data: made } = await octokit.git.createTree({
    ...place,
    tree,
    ...(parent && { base_tree: parent }),
  });
  const parents = parent ? [parent] : [];
  const message = 'A change\r\n\r\nwith a body and no last line end';
  const { data } = await octokit.git.createCommit({
    ...place,
    message,
    tree: made.sha,
    parents,
    author: PERSON,
  });
  return data.sha;
}

/** A repository with one commit on main, made through the REST API only. */
async function seeded(repo: string, owner = 'local'): Promise<Place & { main: string }> {
  const place = { owner, repo };
  if (owner === 'local') await octokit.repos.createForAuthenticatedUser({ name: repo, auto_init: true });
  else await octokit.repos.createInOrg({ org: owner, name: repo, auto_init: true });
  const { data: blob } = await octokit.git.createBlob({
    ...place,
    content: BINARY.toString('base64'),
    encoding: 'base64',
  });
  const main = await commit(place, [
    { path: 'readme.txt', mode: '100644', type: 'blob', content: 'one\ntwo\n' },
    { path: 'windows.txt', mode: '100644', type: 'blob', content: 'one\r\ntwo\r\n' },
    { path: 'src/a folder/é.sh', mode: '100755', type: 'blob', content: '#!/bin/sh\n' },
    { path: 'src/link', mode: '120000', type: 'blob', content: '../readme.txt' },
    { path: 'image.bin', mode: '100644', type: 'blob', sha: blob.sha },
  ]);
  await octokit.git.updateRef({ ...place, ref: 'heads/main', sha: main, force: true });
  return { ...place, main };
}

/** The same, with a branch `change` that is one commit ahead. */
async function changed(repo: string, owner?: string): Promise<Place & { main: string; change: string }> {
  const { main, ...place } = await seeded(repo, owner);
  const change = await commit(
    place,
    [
      { path: 'readme.txt', mode: '100644', type: 'blob', content: 'one\n2\nthree\n' },
      { path: 'image.bin', mode: '100644', type: 'blob', sha: null },
      { path: 'new/file.txt', mode: '100644', type: 'blob', content: 'new\n' },
    ],
    main,
  );
  await octokit.git.createRef({ ...place, ref: 'refs/heads/change', sha: change });
  return { ...place, main, change };
}

async function refusal(request: Promise<unknown>): Promise<[number, string]> {
  const error = await request.then(
    () => undefined,
    (reason: { status: number; response: { data: { message: string; errors?: { message?: string }[] } } }) =>
      reason,
  );
  const data = error?.response.data;
  return [error?.status ?? 0, data?.errors?.[0]?.message ?? data?.message ?? ''];
}

test('a tree made through the API keeps exact bytes, modes, links and names', async () => {
  const { main, ...place } = await seeded('exact');
  const { data: tree } = await octokit.git.getTree({ ...place, tree_sha: main, recursive: '1' });
  expect(tree.tree.map(({ mode, type, path }) => `${mode} ${type} ${path}`)).toEqual([
    '100644 blob image.bin',
    '100644 blob readme.txt',
    '040000 tree src',
    '040000 tree src/a folder',
    '100755 blob src/a folder/é.sh',
    '120000 blob src/link',
    '100644 blob windows.txt',
  ]);
  const blob = async (path: string): Promise<Buffer> => {
    const entry = tree.tree.find((other) => other.path === path);
    const { data } = await octokit.git.getBlob({ ...place, file_sha: entry?.sha ?? '' });
    return Buffer.from(data.content, 'base64');
  };
  expect(await blob('image.bin')).toEqual(BINARY);
  expect((await blob('windows.txt')).toString()).toBe('one\r\ntwo\r\n');

  const clone = join(folder, 'exact-clone');
  await run('git', ['clone', '--quiet', `${github.url}/local/exact.git`, clone]);
  const { stdout } = await run('git', ['-C', clone, 'cat-file', 'commit', 'HEAD']);
  expect(stdout).toContain('author Ada <ada@example.com> 1793520000 +0200\n');
  expect(stdout.endsWith('\n\nA change\r\n\r\nwith a body and no last line end')).toBe(true);
});

test('deleting a folder and replacing a file by a folder give the requested tree', async () => {
  const { main, ...place } = await seeded('replaced');
  const sha = await commit(
    place,
    [
      { path: 'src', mode: '040000', type: 'tree', sha: null },
      { path: 'readme.txt/inside', mode: '100644', type: 'blob', content: 'x' },
    ],
    main,
  );
  const { data } = await octokit.git.getTree({ ...place, tree_sha: sha, recursive: '1' });
  expect(data.tree.map(({ path }) => path)).toEqual([
    'image.bin',
    'readme.txt',
    'readme.txt/inside',
    'windows.txt',
  ]);
});

test('a pull request can be opened, listed and read, with its files', async () => {
  const { change, main, ...place } = await changed('reviewed');
  const { data: opened } = await octokit.pulls.create({
    ...place,
    title: 'Rename two',
    head: 'change',
    base: 'main',
    body: 'Because.',
    draft: true,
  });
  expect(opened.html_url).toBe(`${github.url}/local/reviewed/pull/1`);

  const { data: listed } = await octokit.pulls.list({ ...place, head: 'local:change', base: 'main' });
  expect(listed.map(({ number }) => number)).toEqual([1]);
  expect((await octokit.pulls.list({ ...place, head: 'local:other' })).data).toEqual([]);
  expect((await octokit.pulls.list({ ...place, state: 'closed' })).data).toEqual([]);

  const { data: read } = await octokit.pulls.get({ ...place, pull_number: 1 });
  expect(read).toMatchObject({
    state: 'open',
    draft: true,
    merged: false,
    mergeable: true,
    head: { ref: 'change', sha: change, label: 'local:change' },
    base: { ref: 'main', sha: main },
    commits: 1,
    additions: 3,
    deletions: 1,
    changed_files: 3,
  });

  const { data: files } = await octokit.pulls.listFiles({ ...place, pull_number: 1 });
  expect(
    files.map(({ filename, status, additions, deletions }) => [filename, status, additions, deletions]),
  ).toEqual([
    ['image.bin', 'removed', 0, 0],
    ['new/file.txt', 'added', 1, 0],
    ['readme.txt', 'modified', 2, 1],
  ]);
  expect(files.map(({ patch }) => patch)).toEqual([
    undefined,
    '@@ -0,0 +1 @@\n+new',
    '@@ -1,2 +1,3 @@\n one\n-two\n+2\n+three',
  ]);
  const diff = await octokit.pulls.get({ ...place, pull_number: 1, mediaType: { format: 'diff' } });
  expect(String(diff.data)).toContain('diff --git a/readme.txt b/readme.txt');
});

test('a rename, a new mode and a file that became a link are distinguished, each with its patch', async () => {
  const { main, ...place } = await seeded('kinds');
  const { data: tree } = await octokit.git.getTree({ ...place, tree_sha: main });
  const sha = (path: string): string => tree.tree.find((entry) => entry.path === path)?.sha ?? '';
  const head = await commit(
    place,
    [
      { path: 'renamed.bin', mode: '100644', type: 'blob', sha: sha('image.bin') },
      { path: 'image.bin', mode: '100644', type: 'blob', sha: null },
      { path: 'readme.txt', mode: '100755', type: 'blob', sha: sha('readme.txt') },
      { path: 'windows.txt', mode: '120000', type: 'blob', content: 'readme.txt' },
      { path: 'copy', mode: '040000', type: 'tree', sha: sha('src') },
      { path: 'return.txt', mode: '100644', type: 'blob', content: 'a\rdiff --git a/x b/x\r@@ b\n' },
      { path: 'module', mode: '160000', type: 'commit', sha: main },
    ],
    main,
  );
  await octokit.git.createRef({ ...place, ref: 'refs/heads/kinds', sha: head });
  await octokit.pulls.create({ ...place, title: 'Kinds', head: 'kinds', base: 'main' });
  const { data: files } = await octokit.pulls.listFiles({ ...place, pull_number: 1 });
  expect(files.map(({ filename, status, previous_filename: from }) => [filename, status, from])).toEqual([
    ['copy/a folder/é.sh', 'added', undefined],
    ['copy/link', 'added', undefined],
    ['module', 'added', undefined],
    ['readme.txt', 'changed', undefined],
    ['renamed.bin', 'renamed', 'image.bin'],
    ['return.txt', 'added', undefined],
    ['windows.txt', 'changed', undefined],
  ]);
  expect(files.at(0)?.patch).toBe('@@ -0,0 +1 @@\n+#!/bin/sh');
  expect(files.at(3)?.patch).toBeUndefined();
  expect(files.at(5)?.patch).toBe('@@ -0,0 +1 @@\n+a\rdiff --git a/x b/x\r@@ b');
  expect(files.at(6)?.patch).toContain('-one\r\n-two\r\n');
  expect(files.at(6)?.patch).toContain('+readme.txt');
});

test('a second pull request for the same head, or one without commits, is refused as on GitHub', async () => {
  const place = await changed('twice');
  const pull = { owner: 'local', repo: 'twice', title: 'Once', head: 'change', base: 'main' };
  await octokit.pulls.create(pull);
  expect(await refusal(octokit.pulls.create(pull))).toEqual([
    422,
    'A pull request already exists for local:change.',
  ]);
  await octokit.git.createRef({ owner: 'local', repo: 'twice', ref: 'refs/heads/same', sha: place.main });
  expect(await refusal(octokit.pulls.create({ ...pull, head: 'same' }))).toEqual([
    422,
    'No commits between main and same',
  ]);
  expect((await refusal(octokit.pulls.create({ ...pull, head: 'absent' })))[0]).toBe(422);
});

test('pull requests opened at the same moment get different numbers', async () => {
  const { change, main, ...place } = await changed('racing');
  const heads = Array.from({ length: 6 }, (_, index) => `change-${index}`);
  await Promise.all(
    heads.map((head) => octokit.git.createRef({ ...place, ref: `refs/heads/${head}`, sha: change })),
  );
  const opened = await Promise.all(
    heads.map((head) => octokit.pulls.create({ ...place, title: head, head, base: 'main' })),
  );
  expect(opened.map(({ data }) => data.number).sort()).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a closed pull request is reopened after new commits, and not once its branch was moved by force', async () => {
  const { change, main, ...place } = await changed('reopened');
  const { data } = await octokit.pulls.create({ ...place, title: 'A', head: 'change', base: 'main' });
  const pull = { ...place, pull_number: data.number };
  const file = (content: string) => [{ path: 'a.txt', mode: '100644', type: 'blob', content }] as const;
  await octokit.pulls.update({ ...pull, state: 'closed' });
  const next = await commit(place, [...file('1\n')], change);
  await octokit.git.updateRef({ ...place, ref: 'heads/change', sha: next });
  expect((await octokit.pulls.update({ ...pull, state: 'open' })).data).toMatchObject({
    ...{ state: 'open', closed_at: null, head: { sha: next } },
  });
  await octokit.pulls.update({ ...pull, state: 'closed' });
  const other = await commit(place, [...file('2\n')], main);
  await octokit.git.updateRef({ ...place, ref: 'heads/change', sha: other, force: true });
  expect(await refusal(octokit.pulls.update({ ...pull, state: 'open' }))).toEqual([
    422,
    'state cannot be changed. The change branch was force-pushed or recreated.',
  ]);
});

test('changes of labels, reviewers, title and state are stored', async () => {
  const { change, main, ...place } = await changed('edited', 'writers');
  await octokit.teams.create({ org: 'writers', name: 'Platform' });
  await octokit.teams.addOrUpdateRepoPermissionsInOrg({
    org: 'writers',
    team_slug: 'platform',
    ...place,
  });
  const { data: opened } = await octokit.pulls.create({
    ...place,
    title: 'Old',
    head: 'change',
    base: 'main',
  });
  const pull = { ...place, pull_number: opened.number };
  await octokit.repos.addCollaborator({ ...place, username: 'ada' });
  await octokit.issues.addLabels({ ...place, issue_number: opened.number, labels: ['bot', 'fix'] });
  await octokit.pulls.requestReviewers({ ...pull, reviewers: ['ada'], team_reviewers: ['platform'] });
  await octokit.pulls.update({ ...pull, title: 'New', body: 'Text', state: 'closed' });
  const { data } = await octokit.pulls.get(pull);
  expect(data).toMatchObject({
    title: 'New',
    body: 'Text',
    state: 'closed',
    labels: [{ name: 'bot' }, { name: 'fix' }],
    requested_reviewers: [{ login: 'ada' }],
    requested_teams: [{ slug: 'platform' }],
  });
  expect((await octokit.pulls.update({ ...pull, state: 'open' })).data.state).toBe('open');
});

test('merging puts the change on the base branch, and a conflict is refused', async () => {
  const { change, main, ...place } = await changed('merging');
  const rival = await commit(
    place,
    [{ path: 'readme.txt', mode: '100644', type: 'blob', content: 'something else\n' }],
    main,
  );
  await octokit.git.createRef({ ...place, ref: 'refs/heads/rival', sha: rival });
  await octokit.pulls.create({ ...place, title: 'Change', head: 'change', base: 'main' });
  await octokit.pulls.create({ ...place, title: 'Rival', head: 'rival', base: 'main' });

  const { data: merged } = await octokit.pulls.merge({ ...place, pull_number: 1, sha: change });
  const { data: branch } = await octokit.repos.getBranch({ ...place, branch: 'main' });
  expect(branch.commit.sha).toBe(merged.sha);
  expect(branch.commit.parents.map(({ sha }) => sha)).toEqual([main, change]);
  const { data: after } = await octokit.pulls.get({ ...place, pull_number: 1 });
  expect([after.state, after.merged, after.changed_files]).toEqual(['closed', true, 3]);

  expect((await octokit.pulls.get({ ...place, pull_number: 2 })).data.mergeable_state).toBe('dirty');
  expect(await refusal(octokit.pulls.merge({ ...place, pull_number: 2, merge_method: 'merge' }))).toEqual([
    405,
    'Pull Request is not mergeable',
  ]);
});

test('a branch never loses commits by an update, unless it is forced', async () => {
  const { change, main, ...place } = await changed('guarded');
  expect(await refusal(octokit.git.createRef({ ...place, ref: 'refs/heads/change', sha: main }))).toEqual([
    422,
    'Reference already exists',
  ]);
  expect(await refusal(octokit.git.updateRef({ ...place, ref: 'heads/change', sha: main }))).toEqual([
    422,
    'Update is not a fast forward',
  ]);
  await octokit.git.updateRef({ ...place, ref: 'heads/change', sha: main, force: true });
  expect((await octokit.git.getRef({ ...place, ref: 'heads/change' })).data.object.sha).toBe(main);
  await octokit.git.deleteRef({ ...place, ref: 'heads/change' });
  expect((await refusal(octokit.git.getRef({ ...place, ref: 'heads/change' })))[0]).toBe(404);
  expect(
    (await octokit.git.listMatchingRefs({ ...place, ref: 'heads/m' })).data.map(({ ref }) => ref),
  ).toEqual(['refs/heads/main']);
});

test('if two writers move a branch at the same time, one of them gets an error', async () => {
  const { change, main, ...place } = await changed('contested');
  const tip = (content: string): Promise<string> =>
    commit(place, [{ path: 'readme.txt', mode: '100644', type: 'blob', content }], change);
  const tips = [await tip('a'), await tip('b')];
  const answers = await Promise.allSettled(
    tips.map((sha) => octokit.git.updateRef({ ...place, ref: 'heads/change', sha })),
  );
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a comparison lists the commits that a branch is ahead, also for a name with slashes', async () => {
  const { change, main, ...place } = await changed('compared');
  await octokit.git.createRef({ ...place, ref: 'refs/heads/cody/job-1', sha: change });
  const { data } = await octokit.repos.compareCommitsWithBasehead({
    ...place,
    basehead: 'main...cody/job-1',
  });
  expect(data).toMatchObject({
    status: 'ahead',
    ahead_by: 1,
    behind_by: 0,
    merge_base_commit: { sha: main },
  });
  expect(data.commits.map(({ sha, commit }) => [sha, commit.author?.name])).toEqual([[change, 'Ada']]);
  expect(data.files).toHaveLength(3);
  const { data: branch } = await octokit.repos.getBranch({ ...place, branch: 'cody/job-1' });
  expect(branch.commit.sha).toBe(change);
});

test('a file can be read by its path', async () => {
  const { main, ...place } = await seeded('read');
  const { data } = await octokit.repos.getContent({ ...place, path: 'src/a folder/é.sh' });
  expect(data).toMatchObject({ type: 'file', encoding: 'base64', size: 10 });
  const raw = await octokit.repos.getContent({ ...place, path: 'readme.txt', mediaType: { format: 'raw' } });
  expect(Buffer.from(raw.data as unknown as ArrayBuffer).toString()).toBe('one\ntwo\n');
  expect(await refusal(octokit.repos.getContent({ ...place, path: 'absent' }))).toEqual([404, 'Not Found']);
});

test('an organization with more than one page of repositories is listed completely', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) await octokit.repos.createInOrg({ org: 'many', name });
  const listed = await octokit.paginate(octokit.repos.listForOrg, { org: 'many', per_page: 2 });
  expect(listed.map(({ full_name }) => full_name)).toEqual(names.map((name) => `many/${name}`));
  const first = await octokit.repos.listForUser({ username: 'many', per_page: 2 });
  expect(first.headers.link).toContain('rel="last"');
  expect((await octokit.users.getAuthenticated()).data.login).toBe('local');
});

test('a restart keeps repositories, pull requests and their numbers', async () => {
  const dataFolder = join(folder, 'restarted');
  const before = octokit;
  const first = await startGitHub({ access: 'anyone', dataFolder });
  octokit = connect(first.apiUrl);
  try {
    const { change, main, ...place } = await changed('kept');
    await octokit.pulls.create({ ...place, title: 'Kept', head: 'change', base: 'main' });
    await octokit.git.createRef({ ...place, ref: 'refs/heads/next', sha: change });
    await octokit.repos.update({ ...place, description: 'Kept too' });
    await first.close();

    const second = await startGitHub({ access: 'anyone', dataFolder });
    octokit = connect(second.apiUrl);
    const { data: pull } = await octokit.pulls.get({ ...place, pull_number: 1 });
    expect([pull.title, pull.head.sha, pull.base.repo.description]).toEqual(['Kept', change, 'Kept too']);
    const { data: next } = await octokit.pulls.create({
      ...place,
      title: 'Next',
      head: 'next',
      base: 'main',
    });
    expect(next.number).toBe(2);
    await second.close();
  } finally {
    octokit = before;
  }
});

test('a deleted repository is gone, and its name is free for a new one', async () => {
  const { change, main, ...place } = await changed('removed');
  await octokit.pulls.create({ ...place, title: 'Lost', head: 'change', base: 'main' });
  await octokit.repos.delete(place);
  expect(await refusal(octokit.repos.get(place))).toEqual([404, 'Not Found']);
  await octokit.repos.createForAuthenticatedUser({ name: 'removed' });
  expect((await octokit.repos.listBranches(place)).data).toEqual([]);
  expect((await octokit.pulls.list({ ...place, state: 'all' })).data).toEqual([]);
});
