import { afterEach, expect, test } from '@jest/globals';
import type { Octokit } from '@octokit/rest';
import { GITHUB_COM_LIMITS, type RateLimitOptions } from '../../../../local/github/strict/rate-limits.ts';
import {
  newBranch,
  newRepository,
  type Place,
  refusalOf,
  startTestGitHub,
  type TestGitHub,
} from '../../../support/github-server.ts';
import { until } from '../../../support/until.ts';

let github: TestGitHub;

afterEach(() => github.close());

async function start(limits: RateLimitOptions, timeScale?: number): Promise<Octokit> {
  github = await startTestGitHub({ limits, ...(timeScale && { timeScale }) });
  return github.client('token');
}

const pull = (octokit: Octokit, place: Place, index: number) =>
  octokit.pulls.create({ ...place, title: `Change ${index}`, head: `b${index}`, base: 'main' });

test('every answer has the rest of the hour’s limit, refusals included', async () => {
  const octokit = await start({ requestsPerHour: 5 });
  const before = Math.floor(Date.now() / 1000);
  const { headers } = await octokit.users.getAuthenticated();
  expect(headers).toMatchObject({
    'x-ratelimit-limit': '5',
    'x-ratelimit-used': '1',
    'x-ratelimit-remaining': '4',
    'x-ratelimit-resource': 'core',
  });
  expect(Number(headers['x-ratelimit-reset']) - before).toBeGreaterThanOrEqual(3590);
  const missing = await refusalOf(octokit.repos.get({ owner: 'local', repo: 'absent' }));
  expect([missing.status, missing.headers['x-ratelimit-remaining']]).toEqual([404, '3']);
  const { data } = await octokit.rateLimit.get();
  expect(data.resources.core).toMatchObject({ limit: 5, used: 2, remaining: 3 });
});

test('requests over the hourly limit are refused until the hour is over', async () => {
  // An hour passes in two seconds.
  const octokit = await start({ requestsPerHour: 3 }, 1800);
  for (let used = 0; used < 3; used++) await octokit.users.getAuthenticated();
  const { status, message, headers } = await refusalOf(octokit.users.getAuthenticated());
  expect([status, headers['x-ratelimit-remaining']]).toEqual([403, '0']);
  expect(message).toMatch(/^API rate limit exceeded for user ID /);
  // Headers have GitHub's seconds, which a client with an unscaled clock expects.
  expect(Number(headers['x-ratelimit-reset']) * 1000 - Date.now()).toBeGreaterThan(60_000);
  expect((await octokit.rateLimit.get()).data.rate.remaining).toBe(0);
  const { headers: after } = await until('the next hour', () =>
    octokit.users.getAuthenticated().catch(() => undefined),
  );
  expect(after['x-ratelimit-used']).toBe('1');
});

test('a server without limits answers as GitHub Enterprise does', async () => {
  const octokit = await start({});
  expect((await octokit.users.getAuthenticated()).headers).not.toHaveProperty('x-ratelimit-remaining');
  expect(await refusalOf(octokit.rateLimit.get())).toMatchObject({
    status: 404,
    message: 'Rate limiting is not enabled.',
  });
});

test.each([403, 429] as const)(
  'pull requests over the limit of a minute are refused with %i and a time to wait, after which they succeed',
  async (secondaryStatus) => {
    // A minute passes in a second.
    const octokit = await start({ ...GITHUB_COM_LIMITS, contentPerMinute: 3, secondaryStatus }, 60);
    const { sha, ...place } = await newRepository(octokit, 'busy');
    for (let index = 0; index < 5; index++) await newBranch(octokit, place, `b${index}`, sha);
    const answers = await Promise.allSettled([0, 1, 2, 3, 4].map((index) => pull(octokit, place, index)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    const refused = answers.find((answer) => answer.status === 'rejected');
    const { status, message, headers } = await refusalOf(Promise.reject(refused?.reason));
    expect(status).toBe(secondaryStatus);
    expect(message).toMatch(/^You have exceeded a secondary rate limit /);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(Number(headers['x-ratelimit-remaining'])).toBeGreaterThan(0);
    // Reads and git objects do not count as content.
    await octokit.pulls.list(place);
    await newBranch(octokit, place, 'another', sha);
    const left = answers.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []));
    for (const index of left) {
      await until('the minute to pass', () => pull(octokit, place, index).catch(() => undefined));
    }
    const { data } = await octokit.pulls.list(place);
    expect(data.map(({ head }) => head.ref).sort()).toEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
  },
);

test('content that every minute allows is still limited by the hour', async () => {
  const octokit = await start({ contentPerMinute: 2, contentPerHour: 2 }, 60);
  const { sha, ...place } = await newRepository(octokit, 'hourly');
  for (let index = 0; index < 3; index++) await newBranch(octokit, place, `b${index}`, sha);
  await pull(octokit, place, 0);
  await pull(octokit, place, 1);
  expect(Number((await refusalOf(pull(octokit, place, 2))).headers['retry-after'])).toBeGreaterThan(60);
});

test('a write costs as many points as five reads', async () => {
  const octokit = await start({ pointsPerMinute: 7 });
  await octokit.repos.createForAuthenticatedUser({ name: 'points' });
  await octokit.users.getAuthenticated();
  await octokit.users.getAuthenticated();
  expect(await refusalOf(octokit.users.getAuthenticated())).toMatchObject({
    status: 403,
    message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
  });
});

test('one credential does not use up the limit of another', async () => {
  github = await startTestGitHub({
    limits: { requestsPerHour: 1 },
    tokens: [{ token: 'one' }, { token: 'other', login: 'ada' }],
  });
  await github.client('one').users.getAuthenticated();
  expect((await refusalOf(github.client('one').users.getAuthenticated())).status).toBe(403);
  expect((await github.client('other').users.getAuthenticated()).data.login).toBe('ada');
});

test('a conditional request costs nothing while nothing has changed, and sees a change', async () => {
  const octokit = await start({ requestsPerHour: 100 });
  const { sha, ...place } = await newRepository(octokit, 'watched');
  await newBranch(octokit, place, 'change', sha);
  await octokit.pulls.create({ ...place, title: 'Old', head: 'change', base: 'main' });
  const first = await octokit.pulls.get({ ...place, pull_number: 1 });
  const used = Number(first.headers['x-ratelimit-used']);
  const etag = first.headers.etag ?? '';
  expect(etag).toMatch(/^W\/"[0-9a-f]{64}"$/);

  const again = (): Promise<Response> =>
    fetch(`${github.apiUrl}/repos/local/watched/pulls/1`, {
      headers: { 'if-none-match': `"other", ${etag.replace('W/', '')}`, authorization: 'Bearer token' },
    });
  const same = await again();
  expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
  expect(same.headers.get('x-ratelimit-used')).toBe(String(used));

  await octokit.pulls.update({ ...place, pull_number: 1, title: 'New' });
  const changed = await again();
  expect([changed.status, ((await changed.json()) as { title: string }).title]).toEqual([200, 'New']);
});
