import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { fitsPattern, RepositorySelector } from '../../../core/repository-selector.ts';
import { parseSettings, type Settings } from '../../../core/settings.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { createJob } from '../../../lambdas/api/create-job.ts';
import { problemResponse } from '../../../lambdas/api/problem.ts';
import { resolveRepositories } from '../../../lambdas/api/resolve-repositories.ts';
import { type Route, toResponse } from '../../../lambdas/api/route.ts';
import { choose } from '../../../lambdas/choose/choose.ts';
import type { Context } from '../../../lambdas/context.ts';
import { startGitHub } from '../../../local/github/server.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gitHub: Awaited<ReturnType<typeof startGitHub>>;
let tables: TestTables;
let settings: Settings;

const ACME = ['service-a', 'service-b', 'legacy-c', 'web', 'old'];

beforeAll(async () => {
  folder = await temporaryFolder();
  [gitHub, tables] = await Promise.all([
    startGitHub({ access: 'anyone', dataFolder: folder.path }),
    openTestTables(),
  ]);
  const { rest } = new Octokit({ baseUrl: gitHub.apiUrl });
  const create = async (org: string, name: string) => {
    await rest.repos.createInOrg({ org, name, auto_init: true });
  };
  for (const name of ACME) await create('acme', name);
  await create('other', 'service-a');
  for (const repo of ['service-a', 'web', 'old'])
    await rest.repos.replaceAllTopics({ owner: 'acme', repo, names: ['payments'] });
  await rest.repos.replaceAllTopics({ owner: 'other', repo: 'service-a', names: ['payments'] });
  await rest.repos.update({ owner: 'acme', repo: 'old', archived: true });
  settings = {
    ...parseSettings({
      GITHUB_API_URL: gitHub.apiUrl,
      ALLOWED_REPOSITORIES: 'acme/*,!acme/secret-*,other/web',
      GITHUB_TOKEN: 't',
      GITHUB_THROTTLE: 'false',
      AUTHORIZATION: 'none',
    }),
    jobsTable: tables.settings.jobsTable,
    repositoriesTable: tables.settings.repositoriesTable,
  };
});
afterAll(async () => {
  await gitHub?.close();
  await tables?.close();
  await folder?.remove();
});

const context = (): Context => ({ ...tables.stores, settings, now: () => AT }) as unknown as Context;

async function names(...entries: string[]): Promise<string[]> {
  for (const entry of entries) RepositorySelector.parse(entry);
  const { repositories } = await choose(entries, context(), 60_000);
  return repositories.map(({ repositoryName }) => repositoryName);
}

test.each([
  [['acme/*'], ['acme/legacy-c', 'acme/service-a', 'acme/service-b', 'acme/web']],
  [['acme/service-*'], ['acme/service-a', 'acme/service-b']],
  [['ACME/*-A'], ['acme/service-a']],
  [
    ['acme/*', '!acme/legacy-*', '!acme/WEB'],
    ['acme/service-a', 'acme/service-b'],
  ],
  [['acme/* archived:true'], ['acme/legacy-c', 'acme/old', 'acme/service-a', 'acme/service-b', 'acme/web']],
  [['acme/old'], ['acme/old']],
  [['topic:payments org:acme'], ['acme/service-a', 'acme/web']],
  [['topic:payments org:acme archived:true'], ['acme/old', 'acme/service-a', 'acme/web']],
  [['topic:nothing org:acme'], []],
  [['code:"# service-" org:acme'], ['acme/service-a', 'acme/service-b']],
  [['acme/web', 'Acme/WEB', 'acme/w*'], ['acme/web']],
])('%j comes to %j', async (entries, expected) => {
  expect(await names(...entries)).toEqual(expected);
});

test('each repository has the entry that it is in by, and each left out one its reason', async () => {
  const { repositories, leftOut, incomplete } = await choose(
    ['acme/web', 'acme/*', '!acme/legacy-*', 'topic:payments org:other'],
    context(),
    60_000,
  );
  expect(repositories).toEqual([
    expect.objectContaining({
      repositoryName: 'acme/service-a',
      because: 'acme/*',
      sizeKiB: expect.any(Number),
    }),
    expect.objectContaining({ repositoryName: 'acme/service-b', because: 'acme/*' }),
    // Named first, and then listed: the list's size is kept for the sample.
    expect.objectContaining({ repositoryName: 'acme/web', because: 'acme/web', sizeKiB: expect.any(Number) }),
  ]);
  expect(leftOut).toEqual([
    { repositoryName: 'acme/legacy-c', because: '!acme/legacy-* leaves it out' },
    { repositoryName: 'acme/old', because: 'it is archived; archived:true takes such repositories' },
    { repositoryName: 'other/service-a', because: 'ALLOWED_REPOSITORIES does not allow it' },
  ]);
  expect(incomplete).toEqual([]);
});

test('a renamed repository that is chosen by two names is taken once, and the user is told', async () => {
  const { rest } = new Octokit({ baseUrl: gitHub.apiUrl });
  const called = async (...names: string[]) => {
    for (const [i, name] of names.entries())
      if (i === 0) await rest.repos.createInOrg({ org: 'acme', name, auto_init: true });
      else await rest.repos.update({ owner: 'acme', repo: names[i - 1]!, name });
  };
  await called('first', 'second', 'third');
  await called('plain', 'secret-plain');
  await called('former', 'latter');
  try {
    const entries = ['acme/SECOND', 'acme/first', 'acme/former', 'acme/plain', 'acme/gone'];
    const of = async (...chosen: string[]) => {
      const { status, json } = await post(resolveRepositories, { repositories: chosen });
      expect(status).toBe(200);
      return json;
    };
    const { repositories, leftOut } = await of(...entries, '!acme/latt*');
    // The only name of a repository stays as it was given, and so does one that GitHub does not know.
    expect(repositories).toMatchObject([
      { repositoryName: 'acme/SECOND', because: 'acme/SECOND' },
      { repositoryName: 'acme/gone' },
    ]);
    const redirected = 'GitHub now calls it acme/';
    expect(leftOut).toEqual([
      { repositoryName: 'acme/first', because: `${redirected}third, and it is in as acme/SECOND` },
      { repositoryName: 'acme/former', because: `${redirected}latter: !acme/latt* leaves it out` },
      {
        repositoryName: 'acme/plain',
        because: `${redirected}secret-plain: ALLOWED_REPOSITORIES does not allow it`,
      },
    ]);
    const third = (await of('acme/second', 'acme/first', 'acme/third')).repositories;
    expect(third).toMatchObject([{ repositoryName: 'acme/third' }]);
    const { json } = await post(
      createJob,
      { prompt: 'Do it.', repositories: ['acme/first', 'acme/third'] },
      { dryRun: 'true' },
    );
    expect([json.count, json.leftOut]).toEqual([
      1,
      [expect.objectContaining({ repositoryName: 'acme/first' })],
    ]);
  } finally {
    for (const repo of ['third', 'secret-plain', 'latter']) await rest.repos.delete({ owner: 'acme', repo });
  }
});

test('if GitHub does not answer, names are taken as they are', async () => {
  const gone = { ...settings, GITHUB_API_URL: 'http://127.0.0.1:9' };
  const entries = ['acme/service-a', 'acme/service-b'];
  const { repositories, leftOut } = await choose(entries, { ...context(), settings: gone }, 60_000);
  expect(repositories.map(({ repositoryName }) => repositoryName)).toEqual(entries);
  expect(leftOut).toEqual([]);
});

test('an entry takes those of an earlier job that changed, failed, or are not merged', async () => {
  const job = jobRow({ status: 'completed' });
  const { jobId } = job;
  await tables.jobs.create(job);
  const outcomes = {
    'acme/service-a': 'changed',
    'acme/service-b': 'unchanged',
    'acme/web': 'failed',
  } as const;
  await tables.rows.createPending(jobId, [...Object.keys(outcomes), 'acme/legacy-c'], AT);
  for (const [name, outcome] of Object.entries({ ...outcomes, 'acme/legacy-c': 'changed' as const }))
    await tables.rows.endUnfinished(jobId, name, 1, {
      status: outcome === 'failed' ? 'failed' : 'completed',
      outcome,
      completedAt: AT,
    });
  await tables.rows.recordPullRequest(jobId, 'acme/legacy-c', AT, { pullRequest: { state: 'merged' } });
  expect(await names(`job:${jobId} is:changed`)).toEqual(['acme/legacy-c', 'acme/service-a']);
  expect(await names(`job:${jobId} is:failed`)).toEqual(['acme/web']);
  expect(await names(`job:${jobId} is:unmerged`)).toEqual(['acme/service-a']);
});

async function post(route: Route, body: object, queryStringParameters = {}) {
  const event = {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    queryStringParameters,
    requestContext: {},
  } as unknown as APIGatewayProxyEventV2;
  const response = await route
    .answer(event, {}, context())
    .then((output) => toResponse(output, {}, route), problemResponse);
  return { status: response.statusCode, json: JSON.parse(response.body!) };
}

test.each([
  ['a quote that ends early', 'code:"a" org:other" org:acme'],
  ['a line end', 'code:"a\norg:other" org:acme'],
  ['a backslash at the end of a text', 'code:"a\\" org:acme'],
  ['two owners', 'topic:x org:acme org:other'],
  ['no owner', 'topic:x'],
  ['an owner alone', 'org:acme'],
  ['an owner that nothing is allowed of', 'topic:x org:elsewhere'],
  ['an owner that does not exist', 'acme-that-is-not-there/*'],
  ['a text of blanks', 'code:"  " org:acme'],
  ['code by topic', 'code:"a" topic:x org:acme'],
  ['a pattern of owners', '*/web'],
  ['a name that leads up', 'acme/..'],
  ['a job that does not exist', 'job:job-01ARZ3NDEKTSV4RRFFQ69G5FAV is:changed'],
  ['an unknown qualifier', 'topic:x org:acme stars:>5'],
  ['a long entry', `acme/${'a'.repeat(600)}`],
])('%s is refused with 400', async (_, entry) => {
  const { status, json } = await post(resolveRepositories, { repositories: [entry] });
  expect([status, json.errors?.[0]?.field]).toEqual([400, expect.stringMatching(/^repositories/)]);
});

test('thousands of patterns are refused, and a pattern of many stars takes no time', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `acme/a${i}*`);
  expect((await post(resolveRepositories, { repositories: many })).status).toBe(400);
  expect(fitsPattern('*a*'.repeat(30), `${'a'.repeat(100_000)}b`)).toBe(true);
  expect(fitsPattern(`${'*a'.repeat(30)}*c`, 'a'.repeat(100_000))).toBe(false);
  expect(fitsPattern('a*a', 'a')).toBe(false);
});

test('a dry run answers what a job would do, with the cost of earlier ones, and stores nothing', async () => {
  const request = { prompt: 'Do it.', repositories: ['acme/service-*'], type: 'estimate-me' };
  const unknown = await post(createJob, request, { dryRun: 'true' });
  expect(unknown).toMatchObject({
    status: 200,
    json: { dryRun: true, count: 2, estimate: null, refusals: [], mostUsd: 4, maxCostUsd: 50 },
  });
  expect(unknown.json.estimateUnknownBecause).toContain('No earlier job of the type estimate-me');

  const { settings: jobSettings } = unknown.json;
  for (const costs of [
    [1, 2, 3],
    [4, 5, 6, 7],
    [8, 9, 10],
  ]) {
    const tokenUsage = { ...NO_TOKENS, input: 1, total: 1 };
    const job = jobRow({ type: 'estimate-me', status: 'completed', tokenUsage, settings: jobSettings });
    await tables.jobs.create(job);
    const rows = costs.map((costUsd) => ({ name: `acme/r${costUsd}`, costUsd }));
    await tables.rows.createPending(
      job.jobId,
      rows.map(({ name }) => name),
      AT,
    );
    for (const { name, costUsd } of rows)
      await tables.rows.endUnfinished(job.jobId, name, 1, { status: 'completed', costUsd, completedAt: AT });
  }
  const { json } = await post(createJob, request, { dryRun: 'true' });
  expect(json.estimate).toEqual({
    perRepositoryUsd: { median: 5.5, p90: 9.1 },
    totalUsd: { median: 11, p90: 18.2 },
    standsOn: { jobs: 3, repositories: 10 },
  });
  expect((await tables.jobs.list({ limit: 100, type: 'estimate-me' })).jobs).toHaveLength(3);

  const none = await post(
    createJob,
    { ...request, repositories: ['topic:nothing org:acme'] },
    { dryRun: 'true' },
  );
  expect(none.json.refusals).toEqual(['The entries come to no repository.']);
  const many = await post(createJob, { ...request, maxRepositories: 1 }, { dryRun: 'true' });
  expect(many.json.refusals).toEqual([expect.stringContaining('come to 2 repositories')]);
});

test('a search says which archived repositories it leaves out, of topics and of code', async () => {
  const leftOut = async (entry: string) => {
    const found = await choose([entry], context(), 60_000);
    return found.leftOut.filter(({ because }) => because.includes('archived:true'));
  };
  const old = [{ repositoryName: 'acme/old', because: expect.stringContaining('archived') }];
  expect(await leftOut('topic:payments org:acme')).toEqual(old);
  expect(await leftOut('code:"# old" org:acme')).toEqual(old);
  expect(await names('code:"# old" org:acme archived:true')).toEqual(['acme/old']);
});

test('a search that GitHub refuses is told as incomplete, and is not an error of the API', async () => {
  const body = { repositories: ['topic:payments org:not-here', 'acme/web'] };
  const wide = { ...settings, ALLOWED_REPOSITORIES: ['*/*'] };
  const { incomplete, repositories } = await choose(
    body.repositories,
    { ...context(), settings: wide },
    60_000,
  );
  expect(repositories).toMatchObject([{ repositoryName: 'acme/web' }]);
  expect(incomplete).toEqual([
    { entry: body.repositories[0], because: expect.stringContaining('GitHub refuses it with 422') },
  ]);
});

test('a GitHub App without GITHUB_TOKEN does not pass public repositories off as all of an owner', async () => {
  const appOnly = parseSettings({
    GITHUB_API_URL: gitHub.apiUrl,
    // No other test lists this owner, whose listing the process keeps.
    ALLOWED_REPOSITORIES: 'other/*',
    GITHUB_APP_ID: '1',
    GITHUB_THROTTLE: 'false',
  });
  const of = async (entry: string) =>
    (await choose([entry], { ...context(), settings: appOnly }, 20_000)).incomplete;
  for (const entry of ['other/*', 'topic:payments org:other'])
    expect(await of(entry)).toEqual([
      { entry, because: expect.stringContaining('GITHUB_TOKEN is not set, so only public repositories') },
    ]);
  expect(await of('other/service-a')).toEqual([]);
});
