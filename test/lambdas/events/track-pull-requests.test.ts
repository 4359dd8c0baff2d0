import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GitHubProxy, startGitHubProxy } from '../../support/github-proxy.ts';
import { Publishing, text } from '../../support/publishing.ts';
import { until } from '../../support/until.ts';

let publishing: Publishing;
let proxy: GitHubProxy;

beforeAll(async () => {
  // Schedules come every half second instead of every five minutes.
  publishing = await Publishing.start({ timeScale: 600 });
  proxy = await startGitHubProxy(publishing.stack.gitHub);
});
afterAll(async () => {
  await proxy?.close();
  await publishing?.close();
});

const NAMES = ['merged', 'closed', 'open'];

test('a job shows the state of its pull requests, and how many are merged', async () => {
  const repositories = await Promise.all(
    NAMES.map(async (name) => {
      const baseSha = await publishing.addRepository(name, { 'a.txt': 'a\n' });
      return { name, baseSha, files: [text('a.txt', 'b\n')] };
    }),
  );
  const jobId = await publishing.record(repositories);
  const published = await publishing.publish(jobId);
  expect(published.pullRequests).toEqual({ open: 3, merged: 0, closed: 0, failed: 0 });

  const place = (repo: string) => ({ owner: 'local', repo, pull_number: 1 });
  await publishing.github.rest.pulls.merge(place('merged'));
  await publishing.github.rest.pulls.update({ ...place('closed'), state: 'closed' });
  const job = await until('the pull requests to be looked at', async () => {
    const { json } = await publishing.call('GET', `/jobs/${jobId}`);
    return json.pullRequests?.merged && json.pullRequests.closed ? json : undefined;
  });
  expect(job.pullRequests).toEqual({ open: 1, merged: 1, closed: 1, failed: 0 });
  const today = { day: new Date().toISOString().slice(0, 10), open: 1, merged: 1, closed: 1, failed: 0 };
  const history = await until('the record of the day', async () => {
    const { json } = await publishing.call('GET', `/jobs/${jobId}/pull-requests/history`);
    const { days } = json as never as { days: { merged: number; closed: number; open: number }[] };
    const newest = days.at(-1);
    return newest?.merged && newest.closed && newest.open === 1 ? days : undefined;
  });
  expect(history.at(-1)).toEqual({ ...today, green: 0, red: 0, pending: 0 });
  const record = (name: string) =>
    job.results.find(({ repositoryName }) => repositoryName === `local/${name}`)!.pullRequest;
  expect(record('merged')).toMatchObject({ state: 'merged', mergedAt: expect.stringMatching(/^20/) });
  expect(record('closed')).toMatchObject({ state: 'closed' });
  expect(record('open')).toMatchObject({ state: 'open' });

  await publishing.github.rest.repos.delete({ owner: 'local', repo: 'open' });
  const unseen = await until('the deleted repository to be noticed', async () => {
    const { pullRequest } = await publishing.row(jobId, 'open');
    return pullRequest?.error && pullRequest;
  });
  expect(unseen).toMatchObject({ state: 'open', error: { name: 'PullRequestNotSeenError' } });
});

test('the checks of open pull requests combine check runs and commit statuses, for a hundred per call', async () => {
  const name = 'checked';
  const baseSha = await publishing.addRepository(name, { 'a.txt': 'a\n' });
  const jobId = await publishing.record([{ name, baseSha, files: [text('a.txt', 'b\n')] }]);
  await publishing.publish(jobId);
  const head_sha = (await publishing.pulls(name))[0]!.head.sha;
  const check = (title: string, conclusion?: 'success' | 'failure') =>
    publishing.github.rest.checks.create({
      ...{ owner: 'local', repo: name, name: title, head_sha },
      ...(conclusion ? { status: 'completed', conclusion } : { status: 'in_progress' }),
    } as never);
  const checks = (state: string) =>
    until(
      `checks to be ${state}`,
      async () => (await publishing.row(jobId, name)).pullRequest?.checks === state,
    );

  await checks('none');
  await check('build');
  await checks('pending');
  await publishing.github.rest.repos.createCommitStatus({
    ...{ owner: 'local', repo: name, sha: head_sha, context: 'old-ci', state: 'success' },
  });
  await check('build', 'success');
  await checks('passing');
  await publishing.github.rest.repos.createCommitStatus({
    ...{ owner: 'local', repo: name, sha: head_sha, context: 'old-ci', state: 'error' },
  });
  await checks('failing');
  const { json } = await publishing.call('GET', `/jobs/${jobId}/pull-requests`);
  expect(json).toMatchObject({
    pullRequests: [
      { repositoryName: 'local/checked', number: 1, state: 'open', checks: 'failing', failing: ['old-ci'] },
    ],
  });

  proxy.decide(() => 'answered');
  await publishing.invoke('events/track-pull-requests', {}, { GITHUB_API_URL: proxy.apiUrl }).result();
  expect(proxy.calls.map(({ line, status }) => `${line} ${status}`)).toEqual(['POST /api/graphql 200']);
});

test('pull requests that GitHub takes too long about are asked for in fewer, and one alone does not hold up the others', async () => {
  const names = ['slow', 'quick', 'swift'];
  const repositories = await Promise.all(
    names.map(async (name) => {
      const baseSha = await publishing.addRepository(name, { 'a.txt': 'a\n' });
      return { name, baseSha, files: [text('a.txt', 'b\n')] };
    }),
  );
  const jobId = await publishing.record(repositories);
  await publishing.publish(jobId);
  const cutShort = { data: null, errors: [{ message: 'Something went wrong while executing your query.' }] };
  proxy.decide((_, __, body) => {
    const asked = namesIn(body);
    if (asked.length > 2) return { status: 502 };
    if (asked.length === 2) return { status: 200, body: cutShort };
    return asked[0] === 'slow' ? { status: 504 } : 'answered';
  });
  await publishing.invoke('events/track-pull-requests', {}, { GITHUB_API_URL: proxy.apiUrl }).result();
  const answered = proxy.calls.flatMap(({ status, body }) => (status === 200 ? namesIn(body) : []));
  expect(answered).toEqual(expect.arrayContaining(['quick', 'swift']));
  expect((await publishing.row(jobId, 'slow')).pullRequest!.error).toBeUndefined();
});

/** The repositories that a query is about. */
function namesIn(body: string): unknown[] {
  const { variables } = JSON.parse(body) as { variables: Record<string, unknown> };
  return Object.entries(variables).flatMap(([key, value]) => (/^name/.test(key) ? [value] : []));
}
