import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf, type JobRow } from '../../../core/job.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { getMe } from '../../../lambdas/api/get-me.ts';
import { getTotals } from '../../../lambdas/api/get-totals.ts';
import { listJobs } from '../../../lambdas/api/list-jobs.ts';
import { problemResponse } from '../../../lambdas/api/problem.ts';
import { type Route, toResponse } from '../../../lambdas/api/route.ts';
import { jobRow } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let created: JobRow[];

const NOW = '2026-11-22T12:00:00.000Z';
const at = (day: number) => `2026-11-${String(day).padStart(2, '0')}T10:00:00.000Z`;

beforeAll(async () => {
  tables = await openTestTables();
  created = Array.from({ length: 12 }, (_, i) =>
    jobRow({
      name: i % 2 === 0 ? `Rename Foo ${i}` : `Upgrade ${i}`,
      type: i % 3 === 0 ? 'dependency-update' : 'code-pattern-update',
      status: i < 4 ? 'completed' : 'failed',
      createdBy: i === 5 ? 'Ada@example.com' : 'bob',
      createdAt: at(i + 1),
      counts: countsOf({ completed: i, failed: 1 }),
      costUsd: 0.5,
      tokenUsage: { ...NO_TOKENS, input: 10, total: 10 },
    }),
  );
  for (const job of created) await tables.jobs.create(job);
});
afterAll(() => tables?.close());

async function get(route: Route, queryStringParameters: Record<string, string> = {}) {
  const event = {
    headers: {},
    queryStringParameters,
    requestContext: {},
  } as unknown as APIGatewayProxyEventV2;
  const context = { ...tables.stores, settings: tables.settings, now: () => NOW };
  const response = await route
    // Lists use the tables alone.
    .answer(event, {}, context as unknown as Parameters<Route['answer']>[2])
    .then((output) => toResponse(output, {}, route), problemResponse);
  return { status: response.statusCode, json: JSON.parse(response.body!) };
}

/** The numbers of the jobs of all pages, in the order of the list. */
async function numbers(query: Record<string, string>): Promise<number[]> {
  const found: number[] = [];
  let cursor: string | undefined;
  do {
    const { status, json } = await get(listJobs, { ...query, ...(cursor && { cursor }) });
    expect(status).toBe(200);
    found.push(...json.jobs.map(({ jobId }: JobRow) => created.findIndex((job) => job.jobId === jobId)));
    cursor = json.cursor;
  } while (cursor);
  return found;
}

test.each([
  [{}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
  [{ status: 'completed' }, [3, 2, 1, 0]],
  [{ type: 'dependency-update' }, [9, 6, 3, 0]],
  [{ text: 'FOO' }, [10, 8, 6, 4, 2, 0]],
  [{ text: 'ada@EXAMPLE' }, [5]],
  [{ from: '2026-11-04', to: '2026-11-06' }, [5, 4, 3]],
  [{ from: '2026-11-04T12:00:00+02:00', to: '2026-11-06T09:59:59Z' }, [4, 3]],
  [{ to: '2026-11-02' }, [1, 0]],
  [{ status: 'failed', type: 'dependency-update', text: 'rename', from: '2026-11-07' }, [6]],
  [{ text: 'nothing has this' }, []],
] as [Record<string, string>, number[]][])(
  'the jobs of %j, newest first, whatever the size of a page',
  async (query, expected) => {
    for (const limit of ['1', '2', '5', '100']) expect(await numbers({ ...query, limit })).toEqual(expected);
  },
);

test('a search by the identifier finds its job', async () => {
  expect(await numbers({ text: created[7]!.jobId.slice(4) })).toEqual([7]);
});

const cursorOf = (key: object) => Buffer.from(JSON.stringify(key)).toString('base64url');

test.each([
  ['is not base64', {}, '%%%'],
  ['is of nothing', {}, cursorOf({})],
  [
    'is of another status',
    { status: 'failed' },
    cursorOf({ jobId: 'job', createdAt: at(1), status: 'completed' }),
  ],
  [
    'is before the times',
    { from: '2026-11-05' },
    cursorOf({ jobId: 'job', createdAt: at(1), entity: 'job' }),
  ],
  ['is after the times', { to: '2026-11-05' }, cursorOf({ jobId: 'job', createdAt: at(9), entity: 'job' })],
  ['has a field too many', {}, cursorOf({ jobId: 'job', createdAt: at(1), entity: 'job', a: 1 })],
  ['has an empty key', {}, cursorOf({ jobId: '', createdAt: at(1), entity: 'job' })],
])('a cursor that %s is refused, not an internal error', async (_, query, cursor) => {
  expect(await get(listJobs, { ...query, cursor })).toMatchObject({
    status: 400,
    json: { errors: [{ field: 'cursor' }] },
  });
});

test('times in the wrong order are refused, not an internal error', async () => {
  expect(await get(listJobs, { from: '2026-11-05', to: '2026-11-04' })).toMatchObject({
    status: 400,
    json: { type: 'urn:cody-batch:problem:value-not-accepted', errors: [{ field: 'query.to' }] },
  });
});

test('totals sum the jobs of the last days', async () => {
  const { json } = await get(getTotals, { days: '5' });
  // Created after the 17th at noon: none but those of the last five days count.
  const counted = created.filter(({ createdAt }) => createdAt >= '2026-11-17T12:00:00.000Z');
  expect(json).toMatchObject({ days: 5, from: '2026-11-17T12:00:00.000Z', jobs: { total: counted.length } });
  const all = (await get(getTotals, { days: '30' })).json;
  expect(all).toMatchObject({
    jobs: { total: 12, byStatus: { completed: 4, failed: 8 } },
    repositories: { total: 78, completed: 66, failed: 12 },
    tokenUsage: { input: 120, total: 120 },
    costUsd: 6,
    unpricedJobs: 0,
    isComplete: true,
  });
});

test('a caller learns the roles and what the environment admits', async () => {
  const { json } = await get(getMe);
  expect(json).toMatchObject({
    roles: [],
    limits: { defaultModel: 'claude-sonnet-5-5', isDefaultModelPriced: true, maxRepositories: 100 },
    defaults: { maxTurns: 60 },
  });
});
