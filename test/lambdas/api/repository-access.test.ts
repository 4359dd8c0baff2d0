import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf } from '../../../core/job.ts';
import { digestOfChanges } from '../../../core/review.ts';
import { parseSettings } from '../../../core/settings.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../../core/store/artifacts.ts';
import { readRunRequest, writeRunRequest } from '../../../core/store/run-requests.ts';
import { rotateCredential } from '../../../lambdas/api/admin/rotate-credential.ts';
import { operations } from '../../../lambdas/api/handler.ts';
import { problemResponse } from '../../../lambdas/api/problem.ts';
import { type Route, toResponse } from '../../../lambdas/api/route.ts';
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
  const route = { ...(operations as Record<string, Route>), rotateCredential }[operationId]!;
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
    expect((await ask('listPullRequests', groups, ofWhole)).json.pullRequests).toHaveLength(open);
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: '1', ...(cursor && { cursor }) };
      const { json } = await ask('listPullRequests', groups, { ...ofWhole, query });
      expect(json.pullRequests.length).toBeLessThanOrEqual(1);
      paged.push(...json.pullRequests.map((one: { repositoryName: string }) => one.repositoryName));
      cursor = json.cursor;
    } while (cursor);
    expect(paged).toEqual([...new Set(paged)].sort());
    expect(paged).toHaveLength(open);
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
    if (path.includes('{owner}/{name}')) {
      expect([operationId, (await ask(operationId, '[pay]', at('acme/pay-secret'))).status]).toEqual([
        operationId,
        404,
      ]);
      continue;
    }
    const ofAll = path.includes('{name}') ? { params: { name: 'CLAUDE_API_KEY' } } : {};
    const refused = await ask(operationId, '[pay]', isOfJob ? ofWhole : ofAll);
    expect([operationId, refused.status, refused.json.type]).toEqual([
      operationId,
      403,
      'urn:cody-batch:problem:not-allowed',
    ]);
  }
  expect((await ask('getRepositoryResult', '[pay]', at('acme/pay-in'))).status).toBe(200);
  expect((await ask('listReviews', '[pay]', { params: { jobId: paying.jobId } })).status).toBe(200);
});

const pay = (operationId: string, call: Call = {}) => ask(operationId, '[pay]', { ...ofWhole, ...call });

test('the runs, reviews and reasons of a job are shown without the other repositories', async () => {
  const { jobId } = whole;
  const request = await writeRunRequest(artifacts.store, jobId, {
    ...{ kind: 'retry', action: 'analyze', selection: NAMES.slice(0, 3), prompt: 'Again.' },
    ...{ settings: whole.settings, maxCostUsd: 5, requestedAt: AT },
  });
  await writeArtifact(artifacts.store, artifactKeys.runRecord(jobId, 1), {
    ...{ run: 1, kind: 'retry', request, status: 'completed', selected: 3, costUsd: 0.75 },
    ...{ counts: countsOf({ completed: 3 }), error: { name: 'Error', message: 'acme/pay-secret broke' } },
  });
  const { json: all } = await ask('listRuns', '[admin]', { ...ofWhole, query: { include: 'text' } });
  expect(all.runs[0]).toMatchObject({ costUsd: 0.75, selected: 3, selection: NAMES.slice(0, 3) });
  const { json: mine } = await pay('listRuns', { query: { include: 'text' } });
  const { costUsd: _, selected: __, counts: ___, error: ____, ...rest } = all.runs[0];
  expect(mine.runs).toEqual([{ ...rest, selection: NAMES.slice(0, 2) }]);

  await writeArtifact(artifacts.store, artifactKeys.choice(jobId), {
    repositories: NAMES.map((repositoryName) => ({ repositoryName, because: 'acme/*' })),
    leftOut: [{ repositoryName: 'acme/old-secret', because: 'it is archived' }],
    incomplete: [{ entry: 'code:"secret" org:acme', because: 'GitHub has more' }],
  });
  const { json: choice } = await pay('getChoice');
  expect(choice.repositories.map((one: { repositoryName: string }) => one.repositoryName)).toEqual(
    NAMES.slice(0, 2),
  );
  expect(JSON.stringify(choice)).not.toContain('secret');
  expect([choice.count, choice.leftOutCount, choice.cursor]).toEqual([2, 0, undefined]);
  const first = (await pay('getChoice', { query: { limit: '1' } })).json;
  expect([first.repositories, first.cursor]).toEqual([[choice.repositories[0]], NAMES[0]]);
  const second = (await pay('getChoice', { query: { limit: '1', cursor: first.cursor } })).json;
  expect([second.repositories, second.cursor]).toEqual([[choice.repositories[1]], undefined]);
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const { json } = await ask('getChoice', '[admin]', {
      ...ofWhole,
      query: { limit: '2', ...(cursor && { cursor }) },
    });
    const page = [...json.repositories, ...json.leftOut];
    expect(page.length).toBeLessThanOrEqual(2);
    names.push(...page.map((one: { repositoryName: string }) => one.repositoryName));
    cursor = json.cursor;
  } while (cursor);
  expect(names.sort()).toEqual([...NAMES, 'acme/old-secret'].sort());
  expect((await pay('getChoice', { query: { cursor: '../x' } })).status).toBe(400);
  expect((await ask('getChoice', '[nothing]', ofWhole)).status).toBe(404);
});

test('a decision about a shape is only about the changes that the caller may touch', async () => {
  const { jobId } = whole;
  const shape = `1:${'a'.repeat(32)}`;
  for (const [i, name] of NAMES.slice(0, 3).entries()) {
    await tables.client.send(
      new UpdateCommand({
        TableName: tables.settings.repositoriesTable,
        Key: { jobId, repositoryName: name },
        UpdateExpression: 'SET outcome = :changed, shape = :shape, patchSha = :patch',
        ExpressionAttributeValues: {
          ':changed': 'changed',
          ':shape': shape,
          ':patch': String(i).repeat(64),
        },
      }),
    );
  }
  const changes = NAMES.slice(0, 3).map((repositoryName, i) => ({
    repositoryName,
    patchSha: String(i).repeat(64),
  }));
  const approve = { decision: 'approve', shape };
  const seenAll = { ...approve, seen: digestOfChanges(changes) };
  expect((await pay('reviewChanges', { body: seenAll })).status).toBe(409);
  const hidden = { decision: 'reject', repositories: ['acme/pay-secret'] };
  const refused = await pay('reviewChanges', { body: hidden });
  expect([refused.status, refused.json.detail]).toEqual([
    400,
    expect.stringContaining('has no repository acme/pay-secret'),
  ]);
  const decided = await pay('reviewChanges', {
    body: { ...approve, seen: digestOfChanges(changes.slice(0, 2)) },
  });
  expect([decided.status, decided.json.reviews]).toEqual([
    200,
    changes.slice(0, 2).map((change) => expect.objectContaining({ ...change, decision: 'approve' })),
  ]);
  const { columns } = (await ask('getRows', '[admin]', ofWhole)).json;
  expect(columns.review).toEqual(['approve', 'approve', null, null]);

  // A decision of a person who may touch all is shown with the changes that the caller sees, without the two that have a
  // decision of their own.
  expect((await ask('reviewChanges', '[admin]', { ...ofWhole, body: seenAll })).status).toBe(200);
  const ofShape = (reviews: { shape?: string; covers: number }[]) =>
    reviews.filter((review) => review.shape).map(({ covers }) => covers);
  expect(ofShape((await ask('listReviews', '[admin]', ofWhole)).json.reviews)).toEqual([1]);
  const { reviews } = (await pay('listReviews')).json;
  expect([ofShape(reviews), reviews.length]).toEqual([[0], 3]);
  expect((await ask('listReviews', '[docs]', ofWhole)).json.reviews).toEqual([]);
});

test('a run that the caller asks for takes only repositories that the caller may touch', async () => {
  const { jobs } = tables;
  const ended = jobRow({ counts: countsOf({ failed: 4 }), status: 'failed' });
  const { jobId } = ended;
  await jobs.create(ended);
  await tables.rows.createPending(jobId, NAMES.slice(0, 4), AT);
  await writeArtifact(artifacts.store, artifactKeys.repositories(jobId), NAMES.slice(0, 4));
  for (const name of NAMES.slice(0, 4))
    await tables.rows.endUnfinished(jobId, name, 1, { status: 'failed', completedAt: AT, errorShape: 'e' });
  const at = (body: object) => ({ params: { jobId }, body });
  const asked = async () => {
    const { request } = await jobs.get(jobId);
    return (await readRunRequest(artifacts.store, { jobId, request })).selection;
  };
  const again = () =>
    tables.client.send(
      new UpdateCommand({
        TableName: tables.settings.jobsTable,
        Key: { jobId },
        UpdateExpression: 'SET #status = :failed, statusKey = :failed REMOVE executionArn',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':failed': 'failed' },
      }),
    );
  for (const [operationId, body] of [
    ['retryJob', undefined],
    ['retryJob', { errorShape: 'e' }],
    ['reviseJob', { instruction: 'Otherwise.', errorShape: 'e' }],
  ] as const) {
    const { json } = await ask(operationId, '[pay]', body ? at(body) : { params: { jobId } });
    expect([operationId, await asked(), JSON.stringify(json)]).toEqual([
      operationId,
      NAMES.slice(0, 2),
      expect.not.stringContaining('secret'),
    ]);
    await again();
  }
  for (const [operationId, body, status, detail] of [
    ['retryJob', { repositories: ['acme/pay-secret'] }, 400, 'has no repository acme/pay-secret'],
    ['retryJob', { maxCostUsd: 9 }, 403, 'maxCostUsd is the cap of the whole job'],
    ['continueJob', {}, 403, 'all repositories of the job'],
    ['cancelJob', {}, 403, 'all repositories of the job'],
    ['openPullRequests', {}, 409, 'no pull request to open'],
  ] as const) {
    const refused = await ask(operationId, '[pay]', at(body));
    expect([operationId, refused.status, refused.json.detail]).toEqual([
      operationId,
      status,
      expect.stringContaining(detail),
    ]);
    expect(refused.json.detail.replace('has no repository acme/pay-secret', '')).not.toContain('secret');
  }
  expect((await ask('retryJob', '[nothing]', { params: { jobId } })).status).toBe(404);
});

test('the refusal of another run says of the run under way what the caller may know', async () => {
  const { jobId } = await running();
  for (const [groups, progress] of [
    ['[admin]', '2 of its 5 repositories have not ended'],
    ['[docs]', '1 of its 2 repositories have not ended'],
    ['[pay]', 'your repositories of it have ended, and others may not have'],
  ] as const) {
    const { status, json } = await ask('retryJob', groups, { params: { jobId } });
    expect([groups, status, json.detail]).toEqual([groups, 409, expect.stringContaining(progress)]);
  }
});

/** A job that runs, in which two repositories have failed. */
async function running() {
  const job = jobRow({ name: 'running', counts: countsOf({ pending: NAMES.length }) });
  const { jobId } = job;
  await tables.jobs.create(job);
  await tables.rows.createPending(jobId, NAMES.slice(0, 4), AT);
  await writeArtifact(artifacts.store, artifactKeys.repositories(jobId), NAMES);
  for (const [name, status] of [
    [NAMES[0]!, 'failed'],
    [NAMES[1]!, 'completed'],
    [NAMES[3]!, 'failed'],
  ] as const)
    await tables.rows.endUnfinished(jobId, name, 1, { status, completedAt: AT });
  return job;
}

test('totals are sums over the repositories that the caller may touch', async () => {
  const { json: all } = await ask('getTotals', '[admin]', { query: { days: '366' } });
  const { json: mine } = await ask('getTotals', '[pay]', { query: { days: '366' } });
  expect(all.tokenUsage).toBeDefined();
  expect(mine).not.toHaveProperty('tokenUsage');
  expect(mine).toMatchObject({ isComplete: true, costUsd: 0.5, pullRequests: { open: 2 } });
  expect(mine.jobs.total).toBeLessThanOrEqual(all.jobs.total);
  expect((await ask('getTotals', '[nothing]')).json).toMatchObject({ jobs: { total: 0 }, costUsd: 0 });
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
