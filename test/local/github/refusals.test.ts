import { mkdtemp, readdir, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import { type LocalGitHub, startGitHub } from '../../../local/github/server.ts';

let folder: string;
let github: LocalGitHub;
let octokit: Octokit;
const place = { owner: 'local', repo: 'target' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'github-refusals-test-'));
  github = await startGitHub({ access: 'anyone', dataFolder: join(folder, 'data') });
  octokit = new Octokit({ baseUrl: github.apiUrl });
  await octokit.repos.createForAuthenticatedUser({ name: 'target', auto_init: true });
});

afterAll(async () => {
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

type Answer = { status: number; message: string };

async function send(method: string, path: string, body?: unknown, headers: object = {}): Promise<Answer> {
  const response = await fetch(`${github.apiUrl}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, message: JSON.parse(await response.text()).message };
}

test('a route that is not implemented is answered with 501 and its name', async () => {
  expect(await send('POST', '/repos/local/target/actions/runs', {})).toEqual({
    status: 501,
    message: 'The local GitHub does not implement POST /repos/local/target/actions/runs',
  });
  expect((await send('GET', '/gists')).status).toBe(501);
});

test('an unknown repository or pull request is answered with 404', async () => {
  expect(await send('GET', '/repos/local/absent')).toEqual({ status: 404, message: 'Not Found' });
  expect(await send('GET', '/repos/local/target/pulls/7')).toEqual({ status: 404, message: 'Not Found' });
  expect((await fetch(`${github.url}/local/absent.git/info/refs?service=git-upload-pack`)).status).toBe(404);
});

test('a request with another host name, as in DNS rebinding, is refused', async () => {
  const status = await new Promise((resolve, reject) => {
    http
      .get(`${github.apiUrl}/user`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .once('error', reject);
  });
  expect(status).toBe(403);
});

test('a body that is not JSON is refused', async () => {
  expect((await send('POST', '/user/repos', '{"name":')).status).toBe(400);
  expect((await send('POST', '/user/repos', '{}', { 'content-type': 'application/xml' })).status).toBe(415);
  expect(await send('POST', '/user/repos', {})).toEqual({ status: 422, message: 'Validation Failed' });
});

test.each(['..', '.', '-x', 'a/b', 'a.git', 'a.lock', 'a b', 'a\nb', '', 'x'.repeat(101)])(
  'the repository name %j never becomes a folder',
  async (name) => {
    expect((await send('POST', '/user/repos', { name })).status).toBe(422);
    expect((await readdir(join(folder, 'data', 'local'))).sort()).toEqual(['target.git', 'target.json']);
  },
);

test.each(['..', '-x', '%2e%2e', '..%2F..', 'a%00b', '.hidden'])(
  'the owner %s never becomes a folder',
  async (owner) => {
    expect([404, 422, 501]).toContain((await send('POST', `/orgs/${owner}/repos`, { name: 'x' })).status);
    expect(await readdir(join(folder, 'data'))).toEqual(['local']);
  },
);

test('a name that is taken is refused, in upper or lower case', async () => {
  expect((await send('POST', '/user/repos', { name: 'Target' })).status).toBe(422);
  expect((await octokit.repos.get({ owner: 'LOCAL', repo: 'TARGET' })).data.full_name).toBe('local/target');
});

test.each([
  '.git/config',
  '.GIT/config',
  'git~1/config',
  '.git./config',
  '.git /config',
  '.git::$INDEX_ALLOCATION/config',
  '.g\u200cit/config',
  'a\\.git\\config',
  'a/../b',
  '/etc/passwd',
  'a//b',
  './a',
  'a/.git',
  '',
])('a tree with the path %j is refused', async (path) => {
  const tree = [{ path, mode: '100644', type: 'blob', content: 'x' }];
  expect((await send('POST', '/repos/local/target/git/trees', { tree })).status).toBe(422);
});

test('a symbolic link named .gitmodules is refused, a file is not', async () => {
  const sendTree = (mode: string, path: string) =>
    send('POST', '/repos/local/target/git/trees', { tree: [{ path, mode, type: 'blob', content: 'x' }] });
  for (const path of ['.gitmodules', 'sub/.gitmodules', '.gitmodules ', 'GITMOD~1']) {
    expect([path, (await sendTree('120000', path)).status]).toEqual([path, 422]);
  }
  expect((await sendTree('100644', '.gitmodules')).status).toBe(201);
});

test.each([
  'refs/heads/-x',
  'refs/heads/a..b',
  'refs/heads/a b',
  'refs/heads/x.lock',
  'heads/x',
  'refs/pull/1/head',
])('the ref %s is refused', async (ref) => {
  const { data: tree } = await octokit.git.createTree({
    ...place,
    tree: [{ path: 'a', mode: '100644', type: 'blob', content: 'a' }],
  });
  const { data: commit } = await octokit.git.createCommit({ ...place, message: 'm', tree: tree.sha });
  expect((await send('POST', '/repos/local/target/git/refs', { ref, sha: commit.sha })).status).toBe(422);
});

test.each(['--output=x', 'HEAD~1', 'main:a', '@{-1}', '-h'])(
  'the revision %j is not taken as an option or an expression',
  async (revision) => {
    const path = `/repos/local/target/git/trees/${encodeURIComponent(revision)}`;
    expect(await send('GET', path)).toEqual({ status: 404, message: 'Not Found' });
  },
);

test('a tree, a commit or a ref with a missing object is refused', async () => {
  const sha = '1'.repeat(40);
  const repository = '/repos/local/target';
  const tree = [{ path: 'a', mode: '100644', type: 'blob', sha }];
  expect((await send('POST', `${repository}/git/trees`, { tree })).status).toBe(422);
  expect((await send('POST', `${repository}/git/commits`, { message: 'm', tree: sha })).status).toBe(422);
  expect((await send('POST', `${repository}/git/refs`, { ref: 'refs/heads/x', sha })).status).toBe(422);
});

test.each([
  { name: '', email: 'a@example.com' },
  { name: 'a\nauthor b', email: 'a@example.com' },
  { name: 'a', email: 'a> 0 +0000' },
  { name: 'a\0', email: 'a@example.com' },
  { name: 'a', email: 'a@example.com', date: 'yesterday' },
])('the author %j cannot bend a commit', async (author) => {
  const { data } = await octokit.git.createTree({
    ...place,
    tree: [{ path: 'a', mode: '100644', type: 'blob', content: 'a' }],
  });
  const body = { message: 'm', tree: data.sha, author };
  expect((await send('POST', '/repos/local/target/git/commits', body)).status).toBe(422);
});

test('markup in a pull request is shown as text', async () => {
  const commit = async (content: string, parents: string[]): Promise<string> => {
    const entries = [{ path: 'a.html', mode: '100644' as const, type: 'blob' as const, content }];
    const { data: tree } = await octokit.git.createTree({ ...place, tree: entries });
    const { data } = await octokit.git.createCommit({ ...place, message: 'm', tree: tree.sha, parents });
    return data.sha;
  };
  const main = await commit('a\n', []);
  await octokit.git.updateRef({ ...place, ref: 'heads/main', sha: main, force: true });
  await octokit.git.createRef({
    ...place,
    ref: 'refs/heads/change',
    sha: await commit('<script>alert(1)</script>\n', [main]),
  });
  const { data } = await octokit.pulls.create({
    ...place,
    title: '<b>bold</b>',
    body: '"><img src=x onerror=alert(2)>',
    head: 'change',
    base: 'main',
  });
  const response = await fetch(data.html_url);
  const page = await response.text();
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(page).toContain('&lt;b&gt;bold&lt;/b&gt;');
  expect(page).toContain('+&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).toContain('● open</span>');
  expect(page).not.toMatch(/<script|<img|<b>/);
  expect(await (await fetch(data.diff_url)).text()).toContain('+<script>alert(1)</script>');
  expect(await (await fetch(data.base.repo.html_url)).text()).toContain(
    `href="${new URL(data.html_url).pathname}"`,
  );
});
