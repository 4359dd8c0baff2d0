import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  newBranch,
  newRepository,
  type Place,
  startTestGitHub,
  type TestGitHub,
} from '../../support/github-server.ts';

let github: TestGitHub;
let octokit: ReturnType<TestGitHub['client']>;
beforeAll(async () => {
  github = await startTestGitHub();
  octokit = github.client('any');
});
afterAll(() => github.close());

const HOSTILE = '</title><script>alert(1)</script> \u202eevil\u200b [x](javascript:alert(1))';

async function opened(
  name: string,
  text = HOSTILE,
): Promise<Place & { number: number; head: string; path: string }> {
  const { sha, ...place } = await newRepository(octokit, name);
  const head = await newBranch(octokit, place, 'change', sha);
  const { data } = await octokit.pulls.create({
    ...place,
    title: text,
    body: text,
    head: 'change',
    base: 'main',
  });
  return { ...place, number: data.number, head, path: `/${place.owner}/${name}/pull/${data.number}` };
}

async function page(path: string): Promise<{ policy: string; text: string }> {
  const answer = await fetch(github.url + path);
  expect(answer.status).toBe(200);
  return { policy: answer.headers.get('content-security-policy') ?? '', text: await answer.text() };
}

/** Presses a button: a form without fields, from a page of this origin. */
const press = (path: string, origin: string | undefined = github.url) =>
  fetch(github.url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...(origin && { origin }) },
  });

test('the page of a pull request shows hostile text as text, and what would hide', async () => {
  const { head, path, number, ...place } = await opened('hostile');
  await octokit.issues.createComment({ ...place, issue_number: number, body: HOSTILE });
  await octokit.repos.createCommitStatus({
    ...place,
    sha: head,
    state: 'failure',
    context: HOSTILE,
    description: HOSTILE,
  });
  const { policy, text } = await page(path);
  expect(text).not.toMatch(/<script|\u202e|\u200b|href="javascript/);
  expect(text.match(/&lt;script&gt;alert\(1\)/g)!.length).toBeGreaterThanOrEqual(6);
  expect(text).toContain('<span class="state bad">✕ failure</span>');
  expect(text).toMatch(/<tr class="a">.*\+change/);
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(text)!;
  const digest = createHash('sha256').update(style).digest('base64');
  expect(policy).toContain(`default-src 'none'; style-src 'sha256-${digest}'; form-action 'self'`);
  expect((await page(`/${place.owner}/hostile`)).text).not.toMatch(/<script|\u202e/);
});

test('the buttons merge and close a pull request as the REST API does', async () => {
  const merged = await opened('merged');
  expect((await page(merged.path)).text).toContain(`action="${merged.path}/merge/${merged.head}"`);
  const answer = await press(`${merged.path}/merge/${merged.head}`);
  expect([answer.status, answer.headers.get('location')]).toEqual([303, merged.path]);
  expect((await octokit.pulls.get({ ...merged, pull_number: merged.number })).data).toMatchObject({
    merged: true,
    merged_by: { login: 'local' },
  });
  expect((await page(merged.path)).text).not.toContain('<form');

  const closed = await opened('closed');
  expect((await press(`${closed.path}/close/${closed.head}`)).status).toBe(303);
  expect((await octokit.pulls.get({ ...closed, pull_number: closed.number })).data).toMatchObject({
    merged: false,
    state: 'closed',
  });
  const again = await press(`${closed.path}/merge/${closed.head}`);
  expect([again.status, await again.text()]).toEqual([
    405,
    expect.stringContaining('Pull Request is not mergeable'),
  ]);
});

test.each(['merge', 'close'])(
  'no other page, and no older view of the branch, can %s a pull request',
  async (action) => {
    const { path, head, number, ...place } = await opened(`refused-${action}`);
    for (const origin of ['', 'null', 'https://evil.example', github.url.replace('127.0.0.1', 'localhost')]) {
      expect((await press(`${path}/${action}/${head}`, origin)).status).toBe(403);
    }
    const later = await newBranch(octokit, place, 'later', head);
    await octokit.git.updateRef({ ...place, ref: 'heads/change', sha: later });
    const answer = await press(`${path}/${action}/${head}`);
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('The branch has changed'),
    ]);
    const { data } = await octokit.pulls.get({ ...place, pull_number: number });
    expect(data.state).toBe('open');
  },
);

test('a change of megabytes makes a page that a browser can lay out, which says what it leaves out', async () => {
  const { sha, ...place } = await newRepository(octokit, 'large');
  const content = `${'x'.repeat(2_000_000)}\n${'y\n'.repeat(60_000)}`;
  const { data: tree } = await octokit.git.createTree({
    ...place,
    base_tree: sha,
    tree: [{ path: 'large.txt', mode: '100644', type: 'blob', content }],
  });
  const { data: commit } = await octokit.git.createCommit({
    ...place,
    message: 'Large',
    tree: tree.sha,
    parents: [sha],
  });
  await octokit.git.createRef({ ...place, ref: 'refs/heads/large', sha: commit.sha });
  const { data } = await octokit.pulls.create({ ...place, title: 'Large', head: 'large', base: 'main' });
  const { text } = await page(`/local/large/pull/${data.number}`);
  expect(text).toContain('2,000,001 characters');
  expect(text).toMatch(/40,00\d more lines of this file are not shown/);
  expect(text.match(/<tr/g)).toHaveLength(20_000);
});
