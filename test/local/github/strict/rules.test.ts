import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Octokit } from '@octokit/rest';
import {
  newBranch,
  newRepository,
  type Place,
  refusalOf,
  startTestGitHub,
  type TestGitHub,
} from '../../../support/github-server.ts';

let github: TestGitHub;
let octokit: Octokit;

beforeAll(async () => {
  github = await startTestGitHub();
  octokit = github.client();
});

afterAll(() => github.close());

type RuleType = 'creation' | 'pull_request' | 'required_linear_history' | 'non_fast_forward';

const protect = (place: Place, type: RuleType, include: string[]) =>
  octokit.repos.createRepoRuleset({
    ...place,
    name: type,
    enforcement: 'active',
    conditions: { ref_name: { include, exclude: [] } },
    rules: [{ type } as { type: 'creation' }],
  });

test('a rule that restricts creation refuses new branches that match it, and no others', async () => {
  const { sha, ...place } = await newRepository(octokit, 'restricted');
  await protect(place, 'creation', ['refs/heads/release/**']);
  const create = (branch: string) => octokit.git.createRef({ ...place, ref: `refs/heads/${branch}`, sha });
  expect(await refusalOf(create('release/1/x'))).toMatchObject({
    status: 422,
    message: 'Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n',
  });
  expect((await create('change')).status).toBe(201);
  const { data: rules } = await octokit.repos.getBranchRules({ ...place, branch: 'release/1/x' });
  expect(rules.map(({ type }) => type)).toEqual(['creation']);
  expect((await octokit.repos.getBranchRules({ ...place, branch: 'change' })).data).toEqual([]);
});

test('a branch that requires pull requests is moved by a pull request only', async () => {
  const { sha, ...place } = await newRepository(octokit, 'reviewed');
  await protect(place, 'pull_request', ['~DEFAULT_BRANCH']);
  const change = await newBranch(octokit, place, 'change', sha);
  const move = octokit.git.updateRef({ ...place, ref: 'heads/main', sha: change });
  expect((await refusalOf(move)).message).toContain('Changes must be made through a pull request.');
  await octokit.pulls.create({ ...place, title: 'T', head: 'change', base: 'main' });
  expect((await octokit.pulls.merge({ ...place, pull_number: 1 })).data.merged).toBe(true);
});

test('a branch with a linear history accepts a squash but no merge commit', async () => {
  const { sha, ...place } = await newRepository(octokit, 'linear');
  await protect(place, 'required_linear_history', ['refs/heads/main']);
  await newBranch(octokit, place, 'change', sha);
  await octokit.pulls.create({ ...place, title: 'T', head: 'change', base: 'main' });
  expect(await refusalOf(octokit.pulls.merge({ ...place, pull_number: 1 }))).toMatchObject({
    status: 405,
    message: 'Repository rule violations found\n\nThis branch must not contain merge commits.\n\n',
  });
  await octokit.pulls.merge({ ...place, pull_number: 1, merge_method: 'squash' });
  const { data } = await octokit.repos.getBranch({ ...place, branch: 'main' });
  expect(data.commit.parents.map((parent) => parent.sha)).toEqual([sha]);
});

test('a ruleset with a rule that the local GitHub does not enforce is refused', async () => {
  const { sha: _, ...place } = await newRepository(octokit, 'unknown-rule');
  const request = protect(place, 'required_signatures' as RuleType, ['~ALL']);
  expect((await refusalOf(request)).status).toBe(422);
});

test('the checks of a commit are the newest of each name', async () => {
  const { sha, ...place } = await newRepository(octokit, 'checked');
  const combined = () => octokit.repos.getCombinedStatusForRef({ ...place, ref: 'main' });
  expect((await combined()).data).toMatchObject({ state: 'pending', total_count: 0 });
  const say = (state: 'pending' | 'success' | 'failure', context: string) =>
    octokit.repos.createCommitStatus({ ...place, sha, state, context });
  await say('failure', 'lint');
  await say('success', 'build');
  expect((await combined()).data.state).toBe('failure');
  await say('success', 'lint');
  expect((await combined()).data).toMatchObject({ state: 'success', total_count: 2 });

  const run = (status: 'queued' | 'completed', conclusion?: 'success') =>
    octokit.checks.create({
      ...place,
      head_sha: sha,
      name: 'test',
      status,
      ...(conclusion && { conclusion }),
    });
  await run('queued');
  await run('completed', 'success');
  const { data } = await octokit.checks.listForRef({ ...place, ref: sha });
  expect([data.total_count, data.check_runs[0]?.conclusion]).toEqual([1, 'success']);
  expect((await octokit.checks.listForRef({ ...place, ref: sha, filter: 'all' })).data.total_count).toBe(2);
  const absent = octokit.checks.listForRef({ ...place, ref: 'absent' });
  expect((await refusalOf(absent)).message).toBe('No commit found for SHA: absent');
});

test('a write with a lost answer is carried out, and the next answer arrives', async () => {
  const lossy = await startTestGitHub({
    lostAnswers: [{ nth: 3 }, { route: 'POST /repos/{owner}/{repo}/pulls', nth: 1 }],
  });
  try {
    const client = lossy.client();
    const { sha, ...place } = await newRepository(client, 'lossy');
    await client.git.createBlob({ ...place, content: 'x' });
    const ref = { ...place, ref: 'refs/heads/made', sha };
    await expect(client.git.createRef(ref)).rejects.toMatchObject({ status: 500, response: undefined });
    expect((await client.git.getRef({ ...place, ref: 'heads/made' })).data.object.sha).toBe(sha);
    await newBranch(client, place, 'change', sha);
    const pull = { ...place, title: 'T', head: 'change', base: 'main' };
    await expect(client.pulls.create(pull)).rejects.toMatchObject({ response: undefined });
    expect((await client.pulls.list(place)).data).toHaveLength(1);
    expect((await refusalOf(client.pulls.create(pull))).status).toBe(422);
  } finally {
    await lossy.close();
  }
});
