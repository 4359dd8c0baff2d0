import { execFile } from 'node:child_process';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/rest';
import {
  newBranch,
  newRepository,
  refusalOf,
  startTestGitHub,
  type TestGitHub,
} from '../../../support/github-server.ts';
import { until } from '../../../support/until.ts';

const run = promisify(execFile);

const newKey = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const key = newKey();

const APP = {
  id: 77,
  slug: 'cody',
  publicKey: key.publicKey,
  permissions: { contents: 'write', pull_requests: 'write', checks: 'write' } as const,
};
const INSTALLATION = 501;

let github: TestGitHub;
let owner: Octokit;

const installations = [
  { id: INSTALLATION, account: 'acme' },
  { id: 502, account: 'local', repositories: ['local/chosen'] },
];

beforeAll(async () => {
  github = await startTestGitHub({ tokens: [{ token: 'owner' }], apps: [{ ...APP, installations }] });
  owner = github.client('owner');
  for (const name of ['one', 'other']) await newRepository(owner, name, { org: 'acme', private: true });
  for (const name of ['chosen', 'left-out']) await newRepository(owner, name, { private: true });
});

afterAll(() => github.close());

const asApp = (server: TestGitHub, auth: object): Octokit =>
  new Octokit({
    baseUrl: server.apiUrl,
    authStrategy: createAppAuth,
    auth: { appId: APP.id, privateKey: key.privateKey, ...auth },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });

/** A JSON web token with these claims, signed without a library. */
function jwt(claims: object, privateKey = key.privateKey, alg = 'RS256'): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey).toString('base64url')}`;
}

const now = (): number => Math.floor(Date.now() / 1000);

test('Octokit opens a pull request as an app, with an installation token', async () => {
  const app = asApp(github, {});
  expect((await app.apps.getAuthenticated()).data).toMatchObject({ id: APP.id, slug: 'cody' });
  const place = { owner: 'acme', repo: 'one' };
  const { data: installation } = await app.apps.getRepoInstallation(place);
  expect(installation).toMatchObject({ id: INSTALLATION, account: { login: 'acme' }, app_id: APP.id });

  const installed = asApp(github, { installationId: installation.id });
  const { data: main } = await installed.git.getRef({ ...place, ref: 'heads/main' });
  await newBranch(installed, place, 'change', main.object.sha);
  const pull = { ...place, title: 'T', head: 'change', base: 'main' };
  const { data } = await installed.pulls.create(pull);
  expect(data.user).toMatchObject({ login: 'cody[bot]', type: 'Bot' });
  const checked = { ...place, head_sha: data.head.sha, name: 'build', conclusion: 'success' as const };
  expect((await installed.checks.create(checked)).data.app?.slug).toBe('cody');
  expect((await refusalOf(owner.checks.create(checked))).message).toBe(
    'You must authenticate via a GitHub App.',
  );
});

test.each([
  ['expired', { iat: -700, exp: -10 }, /^'Expiration time' claim \('exp'\) must be a numeric value/],
  ['longer than ten minutes', { iat: -10, exp: 700 }, /^'Expiration time' claim \('exp'\) is too far/],
  ['from the future', { iat: 120, exp: 300 }, /^'Issued at' claim \('iat'\) must be an Integer/],
])('a JSON web token that is %s is refused with that reason', async (_, { iat, exp }, message) => {
  const token = jwt({ iss: APP.id, iat: now() + iat, exp: now() + exp });
  const refusal = await refusalOf(github.client(token).apps.getAuthenticated());
  expect(refusal).toMatchObject({ status: 401, message: expect.stringMatching(message) });
});

test('a JSON web token without a signature of the app’s key is refused', async () => {
  const claims = { iss: APP.id, iat: now() - 10, exp: now() + 300 };
  const forged = [
    jwt(claims, newKey().privateKey),
    jwt(claims, key.privateKey, 'none'),
    jwt(claims).replace(/\.[^.]*$/, '.'),
    'not.a.token',
  ];
  for (const token of forged) {
    expect(await refusalOf(github.client(token).apps.getAuthenticated())).toMatchObject({
      status: 401,
      message: 'A JSON web token could not be decoded',
    });
  }
  const stranger = github.client(jwt({ ...claims, iss: 78 }));
  expect((await refusalOf(stranger.apps.getAuthenticated())).status).toBe(404);
  expect((await refusalOf(owner.apps.getAuthenticated())).status).toBe(401);
  // An app by itself has no access to repositories.
  const itself = github.client(jwt(claims));
  expect((await refusalOf(itself.repos.get({ owner: 'acme', repo: 'one' }))).status).toBe(404);
});

test('an installation token is limited to its repositories and permissions', async () => {
  const app = asApp(github, {});
  const { data: token } = await app.apps.createInstallationAccessToken({
    installation_id: INSTALLATION,
    repositories: ['one'],
    permissions: { contents: 'read' },
  });
  expect(token).toMatchObject({
    permissions: { contents: 'read', metadata: 'read' },
    repository_selection: 'selected',
    repositories: [{ full_name: 'acme/one' }],
  });
  expect(Date.parse(token.expires_at) - Date.now()).toBeGreaterThan(59 * 60_000);
  const client = github.client(token.token);
  const { data: main } = await client.git.getRef({ owner: 'acme', repo: 'one', ref: 'heads/main' });
  expect((await refusalOf(client.repos.get({ owner: 'acme', repo: 'other' }))).status).toBe(404);
  const ref = { owner: 'acme', repo: 'one', ref: 'refs/heads/x', sha: main.object.sha };
  expect(await refusalOf(client.git.createRef(ref))).toMatchObject({
    status: 403,
    message: 'Resource not accessible by integration',
    headers: { 'x-accepted-github-permissions': 'contents=write' },
  });

  const remote = (name: string): string =>
    `${github.url.replace('http://', `http://x-access-token:${token.token}@`)}/acme/${name}.git`;
  const clone = join(github.folder, 'one');
  const options = { env: { PATH: process.env.PATH ?? '', GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' } };
  await run('git', ['clone', '--quiet', remote('one'), clone], options);
  await expect(run('git', ['-C', clone, 'push', 'origin', 'HEAD:refs/heads/x'], options)).rejects.toThrow(
    /403/,
  );
  await expect(run('git', ['clone', remote('other'), `${clone}-2`], options)).rejects.toThrow(/not found/);
});

test('an app gets no token for a repository or a permission that was not granted to it', async () => {
  const app = asApp(github, {});
  const leftOut = { owner: 'local', repo: 'left-out' };
  expect((await refusalOf(app.apps.getRepoInstallation(leftOut))).status).toBe(404);
  const ask = (options: object) =>
    app.apps.createInstallationAccessToken({ installation_id: 502, ...options });
  expect(await refusalOf(ask({ repositories: ['left-out'] }))).toMatchObject({
    status: 422,
    message:
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
  });
  expect(await refusalOf(ask({ permissions: { administration: 'write' } }))).toMatchObject({
    status: 422,
    message: 'The permissions requested are not granted to this installation.',
  });
  const { data: chosen } = await owner.repos.get({ owner: 'local', repo: 'chosen' });
  const { data } = await ask({ repository_ids: [chosen.id] });
  const client = github.client(data.token);
  expect((await client.repos.get({ owner: 'local', repo: 'chosen' })).data.id).toBe(chosen.id);
  expect((await refusalOf(client.repos.get({ owner: 'acme', repo: 'one' }))).status).toBe(404);
  expect((await refusalOf(client.users.getAuthenticated())).status).toBe(403);
});

test('an installation token ends after an hour', async () => {
  // An hour passes in two seconds.
  const fast = await startTestGitHub({ apps: [{ ...APP, installations }], timeScale: 1800 });
  try {
    await newRepository(fast.client(), 'one', { org: 'acme' });
    const { data } = await asApp(fast, {}).apps.createInstallationAccessToken({
      installation_id: INSTALLATION,
    });
    const client = fast.client(data.token);
    await client.repos.get({ owner: 'acme', repo: 'one' });
    const refusal = await until('the token to end', () =>
      refusalOf(client.repos.get({ owner: 'acme', repo: 'one' })).catch(() => undefined),
    );
    expect(refusal).toMatchObject({ status: 401, message: 'Bad credentials' });
  } finally {
    await fast.close();
  }
});
