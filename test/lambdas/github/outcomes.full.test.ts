import { generateKeyPairSync } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newJobId } from '../../../core/job.ts';
import { startGitHubProxy } from '../../support/github-proxy.ts';
import { Publishing, type Recorded, text } from '../../support/publishing.ts';

const OWNER = 'ghp_ownerOwnerOwnerOwnerOwnerOwner01';
const READER = 'ghp_readerReaderReaderReaderReader02';
const NO_PULLS = 'github_pat_noPullsNoPullsNoPullsNoPulls03';
const UNKNOWN = 'ghp_unknownUnknownUnknownUnknownUnk04';
const APP_ID = 7;

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start(
    {
      given: { GITHUB_WRITE_TOKEN: OWNER, GITHUB_TOKEN: READER },
      gitHubOptions: {
        tokens: [
          { token: OWNER },
          { token: READER, permissions: { contents: 'read', pull_requests: 'read' } },
          { token: NO_PULLS, permissions: { contents: 'write', pull_requests: 'read' } },
        ],
        apps: [
          {
            id: APP_ID,
            publicKey,
            permissions: { contents: 'write', pull_requests: 'write' },
            installations: [
              { id: 70, account: 'local', repositories: ['local/by-app', 'local/app-workflow'] },
            ],
          },
        ],
        disabled: ['local/disabled'],
      },
    },
    OWNER,
  );
});
afterAll(() => publishing?.close());

async function changed(name: string, more: Partial<Recorded> = {}): Promise<Recorded> {
  const baseSha = await publishing.addRepository(name, { 'a.txt': 'one\n' });
  return { name, baseSha, files: [text('a.txt', 'ONE\n')], ...more };
}

async function outcomeOf(repository: Recorded) {
  const job = await publishing.publish(await publishing.record([repository]));
  expect(job.status).toBe('completed');
  return job.results[0]!;
}

test('an archived repository gets an error that names the cause', async () => {
  const repository = await changed('archived');
  await publishing.github.rest.repos.update({ owner: 'local', repo: 'archived', archived: true });
  expect((await outcomeOf(repository)).pullRequest).toMatchObject({
    state: 'failed',
    error: { name: 'RepositoryUnavailableError', message: expect.stringMatching(/archived.* Unarchive it/) },
  });
});

test('a renamed repository gets its pull request under the new name, which the row records', async () => {
  const repository = await changed('old-name');
  await publishing.github.rest.repos.update({ owner: 'local', repo: 'old-name', name: 'new-name' });
  const result = await outcomeOf(repository);
  expect(result).toMatchObject({
    repositoryName: 'local/old-name',
    pullRequestUrl: `${publishing.stack.gitHub}/local/new-name/pull/1`,
    pullRequest: { state: 'open', renamedTo: 'local/new-name' },
  });
});

test('a change set that was modified after its analysis was recorded is not published, and the row has the error', async () => {
  const repository = await changed('tampered');
  const jobId = await publishing.record([repository]);
  await publishing.write(`jobs/${jobId}/repositories/local/tampered/1/change-set.json`, {
    ...{ baseBranch: 'main', baseSha: repository.baseSha, title: 'Change it', body: '', summary: '' },
    files: [text('a.txt', 'something else\n')],
  });
  const job = await publishing.publish(jobId);
  expect(job.results[0]!.pullRequest?.error).toMatchObject({
    name: 'ChangeSetRefusedError',
    message: expect.stringMatching(/not the one that was recorded .* was [0-9a-f]{64} and is [0-9a-f]{64}/),
  });
  const { data } = await publishing.github.rest.repos.listBranches({ owner: 'local', repo: 'tampered' });
  expect(data.map((branch) => branch.name)).toEqual(['main']);
});

test('an empty repository gets an error that names the missing base', async () => {
  await publishing.github.rest.repos.createInOrg({ org: 'local', name: 'empty' });
  const result = await outcomeOf({ name: 'empty', baseSha: 'a'.repeat(40), files: [text('a.txt', 'x\n')] });
  expect(result.pullRequest?.error).toMatchObject({
    name: 'RepositoryUnavailableError',
    message: expect.stringMatching(/local\/empty has no branch main\. .* or the repository is empty/),
  });
});

test('a deleted or disabled repository gets an error that names the cause', async () => {
  const gone = await changed('gone');
  await publishing.github.rest.repos.delete({ owner: 'local', repo: 'gone' });
  expect((await outcomeOf(gone)).pullRequest?.error).toMatchObject({
    name: 'RepositoryUnavailableError',
    message: expect.stringMatching(/local\/gone does not exist, or the credential .* may not see it/),
  });
  const closed = await outcomeOf({
    name: 'disabled',
    baseSha: 'a'.repeat(40),
    files: [text('a.txt', 'x\n')],
  });
  expect(closed.pullRequest?.error).toMatchObject({ name: 'RepositoryUnavailableError' });
});

test('another repository that has taken the name gets no pull request', async () => {
  const repository = await changed('replaced');
  await publishing.github.rest.repos.delete({ owner: 'local', repo: 'replaced' });
  await publishing.github.rest.repos.createInOrg({
    org: 'local',
    name: 'replaced',
    auto_init: true,
  } as never);
  expect((await outcomeOf(repository)).pullRequest?.error).toMatchObject({
    name: 'PullRequestRefusedError',
    message: expect.stringMatching(/has no commit [0-9a-f]{10}, .* Start a new job/),
  });
});

test('a linear history and another base than main work; a rule against the branch is named in the error', async () => {
  const owner = 'local';
  const linear = await changed('linear');
  const trunk = { ref: 'refs/heads/trunk', sha: linear.baseSha };
  await publishing.github.rest.git.createRef({ owner, repo: 'linear', ...trunk });
  await publishing.github.rest.repos.update({ owner, repo: 'linear', default_branch: 'trunk' });
  const rules = (repo: string, type: string, include: string) =>
    publishing.github.request('POST /repos/{owner}/{repo}/rulesets', {
      ...{ owner, repo, name: 'rules', target: 'branch', enforcement: 'active' },
      conditions: { ref_name: { include: [include], exclude: [] } },
      rules: [{ type }],
    } as never);
  await rules('linear', 'required_linear_history', '~ALL');
  expect((await outcomeOf({ ...linear, baseBranch: 'trunk' })).pullRequest).toMatchObject({ state: 'open' });
  const { data } = await publishing.github.rest.pulls.get({ owner, repo: 'linear', pull_number: 1 });
  expect(data).toMatchObject({ base: { ref: 'trunk' }, commits: 1 });

  const ruled = await changed('ruled');
  await rules('ruled', 'creation', 'refs/heads/cody-batch/*');
  expect((await outcomeOf(ruled)).pullRequest?.error).toMatchObject({
    name: 'PullRequestRefusedError',
    message: expect.stringMatching(/change the rule, then POST .*creations being restricted/s),
  });
});

test('reviewers and code owners are requested, and one that GitHub refuses causes only a warning', async () => {
  const baseSha = await publishing.addRepository('reviewed', {
    'a.txt': 'one\n',
    '.github/CODEOWNERS': '* @nobody\na.txt @alice @stranger owner@example.com\n',
  });
  for (const username of ['alice', 'bob'])
    await publishing.github.rest.repos.addCollaborator({ owner: 'local', repo: 'reviewed', username });
  const jobId = await publishing.record([{ name: 'reviewed', baseSha, files: [text('a.txt', 'ONE\n')] }], {
    pullRequest: { reviewers: ['bob'], codeowners: true, labels: ['fleet'] },
  });
  const job = await publishing.publish(jobId);
  const [pull] = await publishing.pulls('reviewed');
  expect(pull!.requested_reviewers!.map(({ login }) => login).sort()).toEqual(['alice', 'bob']);
  expect(pull!.labels.map(({ name }) => name)).toEqual(['fleet']);
  expect(job.results[0]!.pullRequest).toMatchObject({
    state: 'open',
    warnings: [expect.stringMatching(/^stranger was not asked for a review/)],
  });
});

/** Runs the function with another credential than the stack's; gives what it wrote where it failed. */
async function failWith(environment: Record<string, string>, name: string, more: Partial<Recorded> = {}) {
  const jobId = await publishing.record([await changed(name, more)], {
    settings: { ...(await settingsThatAllowWorkflows()) },
  });
  const input = { jobId, run: 1, repositoryName: `local/${name}` };
  return publishing
    .invoke('steps/open-pull-request', input, environment)
    .result()
    .then(
      (result) => `it returned ${JSON.stringify(result)}`,
      (error: Error) => error.message,
    );
}

async function settingsThatAllowWorkflows() {
  const { defaultJobSettings, parseSettings } = await import('../../../core/settings.ts');
  return { ...defaultJobSettings(parseSettings({})), allowProtected: ['.github/workflows'] };
}

test('a token without a permission causes one error, which names the permission', async () => {
  const [reader, noPulls, unknown] = await Promise.all([
    failWith({ GITHUB_WRITE_TOKEN: READER }, 'by-reader'),
    failWith({ GITHUB_WRITE_TOKEN: NO_PULLS }, 'by-no-pulls'),
    failWith({ GITHUB_WRITE_TOKEN: UNKNOWN }, 'by-unknown'),
  ]);
  expect(reader).toMatch(
    /GitHubPermissionError: .* may not open pull requests in local\/by-reader: it needs the permission contents: write\./,
  );
  expect(noPulls).toMatch(/GitHubPermissionError: .* it needs the permission pull_requests: write\./);
  expect(unknown).toMatch(
    /GitHubPermissionError: GitHub rejects the credential .* Replace GITHUB_WRITE_TOKEN/,
  );
  for (const [output, token] of [
    [reader, READER],
    [noPulls, NO_PULLS],
    [unknown, UNKNOWN],
  ] as const)
    expect(output).not.toContain(token);
});

test('a GitHub App opens pull requests with a token for one repository and two permissions', async () => {
  const proxy = await startGitHubProxy(publishing.stack.gitHub);
  const app = { GITHUB_APP_ID: String(APP_ID), GITHUB_APP_PRIVATE_KEY: privateKey.replaceAll('\n', '\\n') };
  try {
    const jobId = await publishing.record([await changed('by-app')]);
    const input = { jobId, run: 1, repositoryName: 'local/by-app' };
    const environment = { ...app, GITHUB_API_URL: proxy.apiUrl };
    const result = await publishing.invoke('steps/open-pull-request', input, environment).result();
    expect(result).toMatchObject({ opened: true });
    const made = proxy.calls.find(({ line }) => line.endsWith('/access_tokens'));
    expect(JSON.parse(made!.body)).toEqual({
      repositories: ['by-app'],
      permissions: { contents: 'write', pull_requests: 'write' },
    });
    expect((await publishing.pulls('by-app'))[0]!.user!.login).toBe(`app-${APP_ID}[bot]`);

    const [elsewhere, workflow] = await Promise.all([
      failWith(app, 'app-elsewhere'),
      failWith(app, 'app-workflow', { files: [text('.github/workflows/ci.yml', 'on: push\n', 'added')] }),
    ]);
    expect(elsewhere).toMatch(/GitHubPermissionError: .*local\/app-elsewhere.* be installed there/);
    expect(workflow).toMatch(/GitHubPermissionError: .*workflows: write/);
  } finally {
    await proxy.close();
  }
});

test('no token is in a log, a row or an artifact', async () => {
  const jobId = await publishing.record([await changed('secret')]);
  await publishing.publish(jobId);
  const files = (await readdir(publishing.stack.dataFolder, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile(),
  );
  expect(files.some(({ name }) => name === 'functions.log')).toBe(true);
  for (const { parentPath, name } of files) {
    const content = await readFile(path.join(parentPath, name), 'latin1');
    for (const token of [OWNER, READER]) expect([name, content.includes(token)]).toEqual([name, false]);
  }
  const { json } = await publishing.call('GET', `/jobs/${jobId}`);
  expect(JSON.stringify(json)).not.toContain('ghp_');
  expect((await publishing.call('GET', `/jobs/${newJobId()}`)).status).toBe(404);
});
