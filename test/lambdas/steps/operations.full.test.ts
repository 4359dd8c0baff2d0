import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Publishing, text } from '../../support/publishing.ts';

let publishing: Publishing;
let rest: Publishing['github']['rest'];
const place = (repo: string) => ({ owner: 'local', repo });
const pullOf = (repo: string) => ({ ...place(repo), pull_number: 1 });

beforeAll(async () => {
  publishing = await Publishing.start({ shared: true });
  ({ rest } = publishing.github);
});
afterAll(() => publishing?.close());

/** A job whose pull requests are open, one a repository. */
async function opened(names: readonly string[], job: Parameters<Publishing['record']>[1] = {}) {
  const repositories = await Promise.all(
    names.map(async (name) => ({
      name,
      baseSha: await publishing.addRepository(name, { 'a.txt': 'a\n', 'b.txt': 'b\n' }),
      files: [text('a.txt', 'changed\n')],
    })),
  );
  const jobId = await publishing.record(repositories, job);
  await publishing.publish(jobId);
  return jobId;
}

const operate = (jobId: string, operation: string, names?: readonly string[], more: object = {}) =>
  publishing.publish(jobId, {
    ...{ operation, ...more },
    ...(names && { repositories: names.map((name) => `local/${name}`) }),
  });
const recordOf = async (jobId: string, name: string) => (await publishing.row(jobId, name)).pullRequest!;
const headOf = async (name: string) => (await rest.pulls.get(pullOf(name))).data.head.sha;

async function check(repo: string, conclusion?: 'success' | 'failure') {
  const head_sha = await headOf(repo);
  const state = conclusion ? { status: 'completed', conclusion } : { status: 'in_progress' };
  await rest.checks.create({ ...place(repo), name: 'build', head_sha, ...state } as never);
}

/** Adds a commit of a person to the branch of the pull request. */
async function commitByHand(repo: string) {
  const { data: pull } = await rest.pulls.get(pullOf(repo));
  const { data: commit } = await rest.git.getCommit({ ...place(repo), commit_sha: pull.head.sha });
  const byHand = { message: 'By hand', tree: commit.tree.sha, parents: [pull.head.sha] };
  const { sha } = (await rest.git.createCommit({ ...place(repo), ...byHand })).data;
  await rest.git.updateRef({ ...place(repo), ref: `heads/${pull.head.ref}`, sha });
}

test('merges what is green, and says of the others why not', async () => {
  const names = ['no-checks', 'green', 'red', 'runs', 'by-hand'];
  const jobId = await opened(names);
  await check('green', 'success');
  await check('red', 'failure');
  await check('runs');
  await commitByHand('by-hand');
  const job = await operate(jobId, 'merge', names);
  expect(job.pullRequests).toEqual({ open: 3, merged: 2, closed: 0, failed: 0 });
  expect(await recordOf(jobId, 'no-checks')).toMatchObject({ state: 'merged', mergedAt: expect.any(String) });
  expect(await recordOf(jobId, 'green')).toMatchObject({ state: 'merged' });
  expect((await rest.repos.getContent({ ...place('green'), path: 'a.txt' })).status).toBe(200);
  const why = {
    red: /its checks fail \(build\)/,
    runs: /checks have not ended/,
    'by-hand': /is not of this job/,
  };
  for (const [name, message] of Object.entries(why))
    expect(await recordOf(jobId, name)).toMatchObject({
      ...{ state: 'open', error: { message: expect.stringMatching(message) } },
    });
  // What is merged by now is not asked for again.
  await check('runs', 'success');
  expect(await operate(jobId, 'merge', ['runs'])).toMatchObject({ pullRequests: { open: 2, merged: 3 } });
  const again = await publishing.call('POST', `/jobs/${jobId}/pull-requests`, {
    ...{ operation: 'merge', repositories: ['local/green'] },
  });
  expect(again).toMatchObject({
    status: 409,
    json: { detail: expect.stringContaining('local/green has no open pull request (merged)') },
  });
});

test('moves a change to the newest commit of its base, unless one of its files has changed there', async () => {
  const jobId = await opened(['moves', 'differs', 'stays', 'taken']);
  const before = await headOf('stays');
  const newest = await publishing.commit('moves', { 'b.txt': 'newer\n' });
  await publishing.commit('differs', { 'a.txt': 'newer\n' });
  await publishing.commit('taken', { 'b.txt': 'newer\n' });
  await commitByHand('taken');
  const taken = await headOf('taken');
  await operate(jobId, 'rebase');
  const moved = await recordOf(jobId, 'moves');
  expect(moved).toMatchObject({ state: 'open', commitSha: await headOf('moves') });
  const { data } = await rest.git.getCommit({ ...place('moves'), commit_sha: moved.commitSha! });
  expect(data.parents.map(({ sha }) => sha)).toEqual([newest]);
  expect((await rest.pulls.listFiles(pullOf('moves'))).data.map(({ filename }) => filename)).toEqual([
    'a.txt',
  ]);
  expect(await headOf('stays')).toBe(before);
  expect((await recordOf(jobId, 'differs')).error).toMatchObject({
    message: expect.stringContaining('a.txt changed on main since the change was made'),
  });
  expect((await recordOf(jobId, 'taken')).error?.name).toBe('BranchHasOtherCommitsError');
  expect(await headOf('taken')).toBe(taken);
});

test('comments once, closes with a reason, and asks reviewers again', async () => {
  const jobId = await opened(['talks', 'ends']);
  const commentsOn = async (repo: string) =>
    (await rest.issues.listComments({ ...place(repo), issue_number: 1 })).data.map(({ body }) => body);
  const refused = await publishing.call('POST', `/jobs/${jobId}/pull-requests`, { operation: 'comment' });
  expect(refused.status).toBe(400);
  const { run } = await operate(jobId, 'comment', ['talks'], { comment: 'Please @look.' });
  expect(await commentsOn('talks')).toEqual([expect.stringMatching(/\n\nPlease @look\.$/)]);
  // A step that ran before its execution was lost runs again.
  const item = { jobId, run, repositoryName: 'local/talks', operation: 'comment', patchSha: '' };
  const { runs } = (await publishing.call('GET', `/jobs/${jobId}/runs`)).json as never as {
    runs: { request: string }[];
  };
  await publishing.invoke('steps/open-pull-request', { ...item, request: runs[0]!.request }).result();
  expect(await commentsOn('talks')).toHaveLength(1);

  await rest.repos.addCollaborator({ ...place('talks'), username: 'ann', permission: 'push' });
  await operate(jobId, 'requestReviews', ['talks'], { pullRequest: { reviewers: ['ann'] } });
  const { data: pull } = await rest.pulls.get(pullOf('talks'));
  expect(pull.requested_reviewers?.map(({ login }) => login)).toEqual(['ann']);

  const job = await operate(jobId, 'close', ['ends'], { comment: 'Not now.' });
  expect(job.pullRequests).toMatchObject({ open: 1, closed: 1 });
  expect(await commentsOn('ends')).toEqual([expect.stringMatching(/\n\nNot now\.$/)]);
});

test('lets GitHub merge once the checks pass, where the repository allows it', async () => {
  const jobId = await opened(['allows', 'forbids', 'is-green']);
  await rest.repos.update({ ...place('allows'), allow_auto_merge: true });
  await check('allows');
  await check('forbids');
  await check('is-green', 'success');
  await operate(jobId, 'autoMerge');
  expect(await recordOf(jobId, 'allows')).toMatchObject({ state: 'open', autoMerge: 'squash' });
  expect((await recordOf(jobId, 'forbids')).error).toMatchObject({
    message: expect.stringContaining('Auto merge is not allowed for this repository'),
  });
  expect(await recordOf(jobId, 'is-green')).toMatchObject({ state: 'merged' });
  await check('allows', 'success');
  expect((await rest.pulls.get(pullOf('allows'))).data).toMatchObject({ merged: true });
  await publishing.invoke('events/track-pull-requests', {}).result();
  expect(await recordOf(jobId, 'allows')).toMatchObject({ state: 'merged' });
});

test('a draft is not merged, and what was not approved is neither rebased nor merged', async () => {
  const jobId = await opened(['is-draft'], { pullRequest: { draft: true } });
  await operate(jobId, 'merge');
  expect(await recordOf(jobId, 'is-draft')).toMatchObject({
    ...{ state: 'open', error: { message: expect.stringContaining('it is a draft') } },
  });
  const answer = (operation: string) =>
    publishing.call('POST', `/jobs/${jobId}/pull-requests`, { operation, approved: true });
  for (const operation of ['merge', 'autoMerge', 'rebase'])
    expect(await answer(operation)).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('local/is-draft has a change that is not approved') },
    });
});
