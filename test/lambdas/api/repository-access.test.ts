import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf } from '../../../core/job.ts';
import { parseSettings } from '../../../core/settings.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../../core/store/artifacts.ts';
import { operations } from '../../../lambdas/api/handler.ts';
import { problemResponse } from '../../../lambdas/api/problem.ts';
import { toResponse } from '../../../lambdas/api/route.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;

const GROUPS = {
  pay: ['acme/pay-*', '!acme/pay-secret'],
  docs: ['*/docs', 'acme/web-*'],
  admin: ['*/*'],
  nothing: [],
};
const NAMES = ['acme/pay-in', 'acme/pay-out', 'acme/pay-secret', 'acme/web-shop', 'other/docs'];

/** A job of all five: three completed with a pull request and a cost, one failed, one has no row yet. */
const whole = jobRow({ name: 'whole', counts: countsOf({ pending: NAMES.length }), createdBy: 'eve' });
const paying = jobRow({ name: 'paying', counts: countsOf({ pending: 2 }) });

beforeAll(async () => {
  [tables, artifacts] = await Promise.all([openTestTables(), openTestArtifacts()]);
  const { jobs, rows } = tables;
  for (const [job, names] of [
    [whole, NAMES],
    [paying, NAMES.slice(0, 2)],
  ] as const) {
    const { jobId } = job;
    await jobs.create(job);
    await rows.createPending(jobId, names.slice(0, 4), AT);
    await writeArtifact(artifacts.store, artifactKeys.repositories(jobId), names);
    await writeArtifact(artifacts.store, artifactKeys.request(jobId), {
      prompt: 'Change it.',
      repositories: ['acme/*', 'other/docs'],
    });
  }
  for (const name of NAMES.slice(0, 3)) {
    await rows.endUnfinished(whole.jobId, name, 1, { status: 'completed', completedAt: AT, costUsd: 0.25 });
    const pullRequest = { state: 'open' as const };
    await rows.recordPullRequest(whole.jobId, name, AT, { pullRequest });
  }
  await rows.endUnfinished(whole.jobId, NAMES[3]!, 1, { status: 'failed', completedAt: AT });
});
afterAll(async () => {
  await tables?.close();
  await artifacts?.close();
});

type Call = { params?: Record<string, string>; query?: Record<string, string>; body?: object };

/** A request of a person in these groups. */
async function ask(operationId: string, groups: string, { params = {}, query, body }: Call = {}) {
  const route = operations[operationId]!;
  const event = {
    headers: { 'content-type': 'application/json' },
    queryStringParameters: query,
    ...(body && { body: JSON.stringify(body) }),
    requestContext: { authorizer: { jwt: { claims: { sub: 'ada', 'cognito:groups': groups } } } },
  } as unknown as APIGatewayProxyEventV2;
  const settings = {
    ...parseSettings({ REPOSITORY_GROUPS: JSON.stringify(GROUPS), ALLOWED_REPOSITORIES: '*/*' }),
    jobsTable: tables.settings.jobsTable,
    repositoriesTable: tables.settings.repositoriesTable,
  };
  const context = { ...tables.stores, settings, artifacts: artifacts.store, now: () => AT };
  const response = await route
    .answer(event, params, context)
    .then((output) => toResponse(output, {}, route), problemResponse);
  return { status: response.statusCode, json: response.body ? JSON.parse(response.body) : undefined };
}

const ofWhole = { params: { jobId: whole.jobId } };

test.each([
  ['[admin]', { total: 5, pending: 1, completed: 3, failed: 1 }, NAMES, 3],
  ['[pay]', { total: 2, pending: 0, completed: 2, failed: 0 }, NAMES.slice(0, 2), 2],
  ['[docs]', { total: 2, pending: 1, completed: 0, failed: 1 }, NAMES.slice(3), 0],
  ['[pay docs]', { total: 4, pending: 1, completed: 2, failed: 1 }, [0, 1, 3, 4].map((i) => NAMES[i]), 2],
])(
  '%s sees the job with its repositories alone, in counts, cost, results and rows',
  async (groups, counts, names, open) => {
    const { json: job } = await ask('getJob', groups, { ...ofWhole, query: { include: 'text' } });
    expect(job.counts).toMatchObject(counts);
    const withRows = names.filter((name) => name !== 'other/docs');
    expect(job.results.map(({ repositoryName }: { repositoryName: string }) => repositoryName)).toEqual(
      withRows,
    );
    expect((await ask('getRows', groups, ofWhole)).json.columns.repositoryName).toEqual(withRows);
    if (groups !== '[admin]') {
      expect(job.pullRequests?.open ?? 0).toBe(open);
      expect(job.costUsd ?? 0).toBe(open * 0.25);
      expect(job).not.toHaveProperty('tokenUsage');
      expect(JSON.stringify(job)).not.toContain('secret');
    }
    const { json } = await ask('listJobs', groups);
    expect(json.jobs.find(({ jobId }: { jobId: string }) => jobId === whole.jobId).counts).toEqual(
      job.counts,
    );
  },
);

test('a job of none of their repositories does not exist for a caller', async () => {
  for (const groups of ['[nothing]', '[strangers]', '']) {
    expect((await ask('getJob', groups, ofWhole)).status).toBe(404);
    expect((await ask('getRows', groups, ofWhole)).status).toBe(404);
    expect((await ask('listJobs', groups)).json.jobs).toEqual([]);
  }
  expect((await ask('listJobs', '[docs]')).json.jobs).toHaveLength(1);
  expect((await ask('getJob', '[docs]', { params: { jobId: paying.jobId } })).status).toBe(404);
});

test('whatever a route does, it does nothing to a repository that the caller may not touch', async () => {
  const at = (name: string) => {
    const [owner, repository] = name.split('/') as [string, string];
    return { params: { ...ofWhole.params, owner, name: repository } };
  };
  for (const [operationId, { role, path, isFiltered }] of Object.entries(operations)) {
    if (role === 'open' || isFiltered) continue;
    const isOfJob = path.includes('{jobId}');
    if (path.includes('{name}')) {
      expect([operationId, (await ask(operationId, '[pay]', at('acme/pay-secret'))).status]).toEqual([
        operationId,
        404,
      ]);
      continue;
    }
    const refused = await ask(operationId, '[pay]', isOfJob ? ofWhole : {});
    expect([operationId, refused.status, refused.json.type]).toEqual([
      operationId,
      403,
      'urn:cody-batch:problem:not-allowed',
    ]);
  }
  expect((await ask('getRepositoryResult', '[pay]', at('acme/pay-in'))).status).toBe(200);
  expect((await ask('listReviews', '[pay]', { params: { jobId: paying.jobId } })).status).toBe(200);
});

test.each([
  ['[pay]', ['acme/pay-secret']],
  ['[pay]', ['acme/pay-in', 'acme/web-shop']],
  // The exception is within the pattern.
  ['[pay]', ['acme/*']],
  ['[docs]', ['acme/*']],
  ['[nothing]', ['acme/pay-in']],
  ['[pay docs]', ['acme/pay-secret']],
])('%s starts no job on %j', async (groups, repositories) => {
  const { status, json } = await ask('createJob', groups, { body: { prompt: 'Change it.', repositories } });
  expect(status).toBe(403);
  expect(json.detail).toContain('REPOSITORY_GROUPS');
});

test('a caller learns by /me what they may touch', async () => {
  expect((await ask('getMe', '[pay]')).json.repositories).toEqual([GROUPS.pay]);
  expect((await ask('getMe', '[admin pay]')).json).not.toHaveProperty('repositories');
});
