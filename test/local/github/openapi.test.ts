import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/rest';
import { findRoute, ROUTES } from '../../../local/github/rest/routes.ts';
import {
  newBranch,
  newRepository,
  type Place,
  startTestGitHub,
  type TestGitHub,
} from '../../support/github-server.ts';
import { OpenApiDescription } from '../../support/openapi-description.ts';

type Asked = { route: string; operation: string; status: number };

let github: TestGitHub;
let owner: Octokit;
const description = new OpenApiDescription();
const asked: Asked[] = [];
const faults: string[] = [];
/** GitHub's description is narrower than GitHub itself: a label without a description has null there. */
const INACCURATE = [/pulls 200: \/\d+\/labels\/\d+\/description must be string$/];

/** Requests that succeeded, to be repeated by callers who may not send them. */
const succeeded = new Map<string, { operation: string; parameters: Record<string, unknown> }>();

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** Validates every answer that a client gets against GitHub's description of the operation. */
function checked(client: Octokit): Octokit {
  client.hook.wrap('request', async (request, options) => {
    // The parameters that the caller gave, without the client's settings and credential.
    const {
      baseUrl: _,
      headers: __,
      request: ___,
      mediaType: ____,
      method: _m,
      url: _u,
      ...parameters
    } = options;
    const operation = `${options.method} ${options.url}`;
    const { method, url } = client.request.endpoint(options);
    const path = new URL(url).pathname.slice('/api/v3'.length).replace(/\/$/, '');
    const route = `${method} ${findRoute(method, path).route[1]}`;
    const note = (status: number, body: unknown): void => {
      asked.push({ route, operation, status });
      const found = description.faults(operation, status, body);
      faults.push(...found.filter((fault) => !INACCURATE.some((known) => known.test(fault))));
      // 302 is the answer of a route that only has the address of what was asked for.
      if (status < 300 || status === 302) succeeded.set(route, { operation, parameters });
    };
    try {
      const response = await request(options);
      note(response.status, response.data);
      return response;
    } catch (error) {
      const { response } = error as { response?: { status: number; data: unknown } };
      if (response) note(response.status, response.data);
      throw error;
    }
  });
  return client;
}

const client = (token?: string): Octokit => checked(github.client(token));

async function statusOf(request: Promise<{ status: number }>): Promise<number> {
  const answer = await request.catch((error: { status: number; response?: unknown }) => {
    if (!error.response) throw error;
    return error;
  });
  return answer.status;
}

beforeAll(async () => {
  github = await startTestGitHub({
    tokens: [
      { token: 'owner' },
      { token: 'reader', login: 'reader' },
      { token: 'weak', permissions: { contents: 'read' } },
    ],
    apps: [
      {
        id: 7,
        publicKey,
        permissions: { contents: 'write', checks: 'write' },
        installations: [{ id: 8, account: 'acme' }],
      },
    ],
    limits: { requestsPerHour: 100_000, contentPerHour: 20 },
    disabled: ['acme/blocked'],
  });
  owner = client('owner');
});

afterAll(() => github.close());

async function driveRepositories(): Promise<Place & { sha: string }> {
  await owner.meta.root();
  await owner.meta.get();
  await owner.rateLimit.get();
  await owner.repos.createForAuthenticatedUser({ name: 'mine', auto_init: true });
  const { sha, ...place } = await newRepository(owner, 'served', { org: 'acme' });
  await owner.repos.get(place);
  await owner.repos.update({ ...place, description: 'Served' });
  await owner.users.getAuthenticated();
  await owner.repos.listForAuthenticatedUser();
  await owner.users.getByUsername({ username: 'acme' });
  await owner.users.getByUsername({ username: 'local' });
  await owner.repos.listForUser({ username: 'local' });
  await owner.orgs.get({ org: 'acme' });
  await owner.repos.listForOrg({ org: 'acme' });
  return { ...place, sha };
}

async function driveGit({ sha, ...place }: Place & { sha: string }): Promise<void> {
  const { data: blob } = await owner.git.createBlob({ ...place, content: 'AAEC', encoding: 'base64' });
  await owner.git.getBlob({ ...place, file_sha: blob.sha });
  await newBranch(owner, place, 'change', sha);
  await owner.git.getTree({ ...place, tree_sha: 'change', recursive: '1' });
  await owner.git.getCommit({ ...place, commit_sha: sha });
  await owner.repos.getCommit({ ...place, ref: 'change' });
  await owner.git.getRef({ ...place, ref: 'heads/change' });
  await owner.git.listMatchingRefs({ ...place, ref: 'heads/' });
  await owner.git.createRef({ ...place, ref: 'refs/heads/spare', sha });
  await owner.git.updateRef({ ...place, ref: 'heads/spare', sha, force: true });
  await owner.git.deleteRef({ ...place, ref: 'heads/spare' });
  await owner.repos.listBranches(place);
  await owner.repos.getBranch({ ...place, branch: 'main' });
  await owner.repos.compareCommitsWithBasehead({ ...place, basehead: 'main...change' });
  await owner.repos.getContent({ ...place, path: '' });
  await owner.repos.getContent({ ...place, path: 'README.md' });
}

async function drivePulls(place: Place): Promise<void> {
  const pull = { ...place, pull_number: 1 };
  await owner.pulls.create({ ...place, title: 'Change', head: 'change', base: 'main', body: 'Why' });
  await owner.repos.addCollaborator({ ...place, username: 'ada' });
  await owner.repos.getCollaboratorPermissionLevel({ ...place, username: 'ada' });
  await owner.teams.create({ org: 'acme', name: 'Core' });
  const org = { org: 'acme', team_slug: 'core' };
  await owner.teams.addOrUpdateRepoPermissionsInOrg({ ...org, ...place });
  await owner.pulls.requestReviewers({ ...pull, reviewers: ['ada'], team_reviewers: ['core'] });
  await owner.pulls.listRequestedReviewers(pull);
  await owner.issues.createLabel({ ...place, name: 'bot', color: 'c0ffee' });
  await owner.issues.getLabel({ ...place, name: 'bot' });
  await owner.issues.listLabelsForRepo(place);
  await owner.issues.addLabels({ ...place, issue_number: 1, labels: ['bot', 'new'] });
  await owner.issues.listLabelsOnIssue({ ...place, issue_number: 1 });
  await owner.repos.replaceAllTopics({ ...place, names: ['payments'] });
  await owner.repos.getAllTopics(place);
  await owner.search.repos({ q: `topic:payments org:${place.owner}` });
  await owner.search.code({ q: `"a" org:${place.owner}` });
  await owner.issues.createComment({ ...place, issue_number: 1, body: 'Why?' });
  await owner.issues.listComments({ ...place, issue_number: 1 });
  await owner.pulls.createReview({ ...place, pull_number: 1, event: 'COMMENT', body: 'Why?' });
  await owner.pulls.listReviews({ ...place, pull_number: 1 });
  await owner.pulls.list(place);
  await owner.pulls.update({ ...pull, title: 'New' });
  await owner.pulls.get(pull);
  await owner.pulls.listFiles(pull);
  await owner.pulls.listCommits(pull);
}

async function driveChecks({ sha, ...place }: Place & { sha: string }): Promise<void> {
  const app = checked(
    new Octokit({ baseUrl: github.apiUrl, authStrategy: createAppAuth, auth: { appId: 7, privateKey } }),
  );
  await app.apps.getAuthenticated();
  const { data: installation } = await app.apps.getRepoInstallation(place);
  const token = await app.apps.createInstallationAccessToken({
    installation_id: installation.id,
    repositories: [place.repo],
  });
  const run = { ...place, name: 'build', head_sha: sha, conclusion: 'success' as const };
  const details_url = `${github.url}/acme/one/actions/runs/1/job/7`;
  await client(token.data.token).checks.create({ ...run, details_url });
  await owner.request('GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs', {
    ...{ ...place, job_id: 7, request: { redirect: 'manual' } },
  });
  await owner.checks.listForRef({ ...place, ref: sha });
  await owner.repos.createCommitStatus({ ...place, sha, state: 'success', context: 'lint' });
  await owner.repos.listCommitStatusesForRef({ ...place, ref: sha });
  await owner.repos.getCombinedStatusForRef({ ...place, ref: sha });
  await owner.repos.createRepoRuleset({
    ...place,
    name: 'linear',
    enforcement: 'active',
    conditions: { ref_name: { include: ['refs/heads/main'], exclude: [] } },
    rules: [{ type: 'required_linear_history' }],
  });
  await owner.repos.getBranchRules({ ...place, branch: 'main' });
}

/** Refusals of single operations, each with GitHub's status. */
async function driveRefusals({ sha, ...place }: Place & { sha: string }): Promise<void> {
  const absent = '1'.repeat(40);
  const pull = { ...place, pull_number: 1 };
  const again = { ...place, title: 'Again', head: 'change', base: 'main' };
  expect(await statusOf(owner.pulls.create(again))).toBe(422);
  expect(await statusOf(owner.pulls.requestReviewers({ ...pull, reviewers: ['stranger'] }))).toBe(422);
  expect(await statusOf(owner.pulls.merge(pull))).toBe(405);
  expect(await statusOf(owner.pulls.merge({ ...pull, merge_method: 'squash', sha: absent }))).toBe(409);
  expect(await statusOf(owner.issues.createLabel({ ...place, name: 'BOT' }))).toBe(422);
  expect(await statusOf(owner.git.createRef({ ...place, ref: 'refs/heads/change', sha }))).toBe(422);
  expect(await statusOf(owner.git.updateRef({ ...place, ref: 'heads/change', sha }))).toBe(422);
  expect(await statusOf(owner.git.createTree({ ...place, tree: [], base_tree: absent }))).toBe(422);
  expect(await statusOf(owner.git.createCommit({ ...place, message: 'm', tree: absent }))).toBe(422);
  expect(await statusOf(owner.git.getBlob({ ...place, file_sha: absent }))).toBe(404);
  expect(await statusOf(owner.repos.createInOrg({ org: 'acme', name: '..' }))).toBe(422);
  expect(await statusOf(client('weak').git.createBlob({ ...place, content: 'x' }))).toBe(403);
  expect(await statusOf(client('reader').repos.update({ ...place, name: 'mine' }))).toBe(403);

  const empty = { owner: 'acme', repo: 'empty' };
  await owner.repos.createInOrg({ org: 'acme', name: 'empty' });
  expect(await statusOf(owner.git.createBlob({ ...empty, content: 'x' }))).toBe(409);
  expect(await statusOf(owner.git.getRef({ ...empty, ref: 'heads/main' }))).toBe(409);
  expect(await statusOf(owner.git.getTree({ ...empty, tree_sha: 'main' }))).toBe(409);

  await newRepository(owner, 'blocked', { org: 'acme' }).catch(() => undefined);
  expect(await statusOf(owner.repos.get({ owner: 'acme', repo: 'blocked' }))).toBe(403);
  await newRepository(owner, 'archived', { org: 'acme' });
  const archived = { owner: 'acme', repo: 'archived' };
  await owner.repos.update({ ...archived, archived: true });
  expect(await statusOf(owner.git.createBlob({ ...archived, content: 'x' }))).toBe(403);

  await owner.repos.update({ ...archived, archived: false, name: 'renamed' });
  const manual = { request: { redirect: 'manual' as const } };
  expect(await statusOf(owner.repos.get({ ...archived, ...manual }))).toBe(301);
  expect(await statusOf(owner.repos.update({ ...archived, description: 'd', ...manual }))).toBe(307);
}

test("the answers of every route, refusals included, match GitHub's own description", async () => {
  const served = await driveRepositories();
  const { sha: _, ...place } = served;
  await driveGit(served);
  await drivePulls(place);
  await driveChecks(served);
  await driveRefusals(served);
  await owner.pulls.merge({ ...place, pull_number: 1, merge_method: 'squash' });
  await owner.pulls.get({ ...place, pull_number: 1 });

  // No request works with an unknown token or on a repository that does not exist.
  const stranger = client('unknown');
  for (const { operation, parameters } of [...succeeded.values()]) {
    expect([operation, await statusOf(stranger.request(operation, parameters))]).toEqual([operation, 401]);
    if (!/\{repo\}/.test(operation) || operation.endsWith('/installation')) continue;
    const missing = owner.request(operation, { ...parameters, repo: 'absent' });
    expect([operation, await statusOf(missing)]).toEqual([operation, 404]);
  }

  // The rate limit comes last, because no pull request can be opened after it.
  const head = await newBranch(owner, place, 'late', served.sha);
  expect(head).toHaveLength(40);
  const late = { ...place, title: 'Late', head: 'late', base: 'main' };
  let status = 200;
  for (let tries = 0; tries < 25 && status !== 403; tries++)
    status = await statusOf(owner.pulls.create(late));
  expect(status).toBe(403);

  await owner.repos.delete(place);
  expect(faults).toEqual([]);
  const found = new Set(
    asked.filter(({ status: code }) => code < 300 || code === 302).map(({ route }) => route),
  );
  expect(
    ROUTES.map(([method, template]) => `${method} ${template}`).filter((route) => !found.has(route)),
  ).toEqual([]);
});
