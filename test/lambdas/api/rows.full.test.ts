import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf } from '../../../core/job.ts';
import { parseSettings } from '../../../core/settings.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import type { ArtifactStore } from '../../../core/store/artifact-store.ts';
import { openArtifacts, writeArtifact } from '../../../core/store/artifacts.ts';
import { getJob } from '../../../lambdas/api/get-job.ts';
import { getPatches } from '../../../lambdas/api/get-patches.ts';
import { getRows } from '../../../lambdas/api/get-rows.ts';
import { getTotals } from '../../../lambdas/api/get-totals.ts';
import { listJobs } from '../../../lambdas/api/list-jobs.ts';
import { type Route, toResponse } from '../../../lambdas/api/route.ts';
import type { Context } from '../../../lambdas/context.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let tables: TestTables;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let artifacts: ArtifactStore;
/** When requests come that ask for the time: a minute after the newest jobs. */
const NOW = new Date(Date.parse(AT) + 60_000).toISOString();
/** Jobs with 1,000 and with 10,000 repositories. */
let [few, many]: [string, string] = ['', ''];
/** Jobs with 2,500 and with 5,000 long rows: two full pages of the index, which may be in memory at once, and more. */
let [someLong, manyLong]: [string, string] = ['', ''];
const LONG = 'Error: a long text. '.repeat(40);
/** What is asked of DynamoDB: the command, and the index of a Query. */
const calls: string[] = [];

/** Looks at the memory with every answer of DynamoDB; undefined while nothing is measured. */
let onAnswer: (() => void) | undefined;

beforeAll(async () => {
  [tables, folder] = await Promise.all([openTestTables(), temporaryFolder()]);
  artifacts = openArtifacts(pathToFileURL(folder.path).href, { signingKey: 'k'.repeat(64) });
  tables.client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const { IndexName } = args.input as { IndexName?: string };
        calls.push([commandName, IndexName].filter(Boolean).join(' '));
        const answer = await next(args);
        onAnswer?.();
        return answer;
      },
    { step: 'initialize' },
  );
  [few, many] = [await jobWith(1_000), await jobWith(10_000)];
  [someLong, manyLong] = [await jobWith(2_500, LONG), await jobWith(5_000, LONG)];
  const earlier = new Date(Date.parse(AT) - 100 * 86_400_000).toISOString();
  const jobs = Array.from({ length: 2_000 }, () => jobRow({ status: 'completed', createdAt: earlier }));
  await putAll(
    tables.settings.jobsTable,
    jobs.map((job) => ({ ...job, entity: 'job', words: job.name.toLowerCase() })),
  );
});
afterAll(async () => {
  await tables?.close();
  await folder?.remove();
});

/** An item with every attribute that the index holds, and with text that it does not hold. */
function rowOf(jobId: string, i: number, errorShape?: string) {
  const repositoryName = `local/service-${String(i).padStart(5, '0')}`;
  const prState = ['open', 'merged', 'closed'][i % 3]!;
  const digest = (n: number) => (n * 2_654_435_761).toString(16).padStart(16, '0').slice(0, 16);
  return {
    ...{ jobId, repositoryName, run: 1, updatedAt: AT, completedAt: AT, status: 'completed' },
    ...{ statusKey: `completed#${repositoryName}`, pullRequestKey: `${prState}#${repositoryName}` },
    ...{ outcome: 'changed', end: 'submitted', summary: 'A long text. '.repeat(40), costUsd: i / 1e5 },
    ...{ changedFiles: i % 9, additions: i % 100, deletions: i % 50, shape: `1:${digest(i % 40)}` },
    ...{ kin: `1:${digest(i % 10)}`, patchSha: digest(i).repeat(4), risk: i % 4, prState, checks: 'passing' },
    ...{ pullRequestNumber: i, ...(errorShape && { errorShape }) },
  };
}

/** By DynamoDB's protocol itself: the SDK would spend as long on 20,000 items as the store does. */
async function putAll(TableName: string, items: readonly Record<string, unknown>[]): Promise<void> {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': 'DynamoDB_20120810.BatchWriteItem',
    'x-amz-date': '20260101T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
  };
  for (let from = 0; from < items.length; from += 25) {
    const puts = items.slice(from, from + 25).map((item) => ({ PutRequest: { Item: marshall(item) } }));
    const body = JSON.stringify({ RequestItems: { [TableName]: puts } });
    const answer = await fetch(tables.settings.DYNAMODB_ENDPOINT!, { method: 'POST', headers, body });
    expect({ status: answer.status, answer: await answer.json() }).toEqual({
      status: 200,
      answer: { UnprocessedItems: {} },
    });
  }
}

async function jobWith(count: number, errorShape?: string): Promise<string> {
  const job = jobRow({ counts: countsOf({ completed: count }), status: 'completed' });
  await tables.jobs.create(job);
  const names = Array.from({ length: count }, (_, i) => rowOf(job.jobId, i).repositoryName);
  await writeArtifact(artifacts, artifactKeys.repositories(job.jobId), names);
  const items: Record<string, unknown>[] = [];
  for (let i = 0; i < count; i += 1) {
    const row = rowOf(job.jobId, i, errorShape);
    items.push(row);
    if (i % 100 === 0)
      items.push({
        jobId: job.jobId,
        repositoryName: `${row.repositoryName}#diff`,
        diff: '+\n'.repeat(50_000),
      });
  }
  await putAll(tables.settings.repositoriesTable, items);
  return job.jobId;
}

async function read(jobId: string) {
  calls.length = 0;
  const headers = { 'accept-encoding': 'gzip' };
  const event = { headers, requestContext: {} } as unknown as APIGatewayProxyEventV2;
  const output = await getRows.answer(event, { jobId }, {
    ...tables.stores,
    settings: tables.settings,
  } as unknown as Context);
  const response = toResponse(output, headers, getRows);
  const gzip = Buffer.from(response.body!, 'base64');
  const json = gunzipSync(gzip);
  const asked = [...calls].sort();
  const etag = String(response.headers!.etag);
  const again = toResponse(output, { 'if-none-match': etag }, getRows);
  expect(again).toMatchObject({ statusCode: 304, headers: { etag } });
  expect(again.body).toBeUndefined();
  return { columns: JSON.parse(json.toString()).columns, asked, bytes: json.length, gzip: gzip.length };
}

test('the 10,000 rows of a job are one answer of a few pages of the index, and ten times those of 1,000', async () => {
  const [ofFew, ofMany] = [await read(few), await read(many)];
  expect(ofMany.columns.repositoryName).toHaveLength(10_000);
  expect(new Set(Object.values(ofMany.columns).map((column) => (column as []).length))).toEqual(
    new Set([10_000]),
  );
  const at = ofMany.columns.repositoryName.indexOf('local/service-04217');
  const shown = Object.fromEntries(
    Object.entries(ofMany.columns).map(([name, column]) => [name, (column as [])[at]]),
  );
  expect(shown).toMatchObject({ status: 'completed', costUsd: 0.04217, prState: 'closed', prNumber: 4217 });
  expect(ofMany.columns).not.toHaveProperty('summary');
  expect(ofMany.columns).not.toHaveProperty('review');

  // The table itself is queried for the few reviews only, by their keys: it has the diffs between the rows.
  const page = 'QueryCommand job-summary-index';
  const pages = ofMany.asked.filter((call) => call === page).length;
  expect(ofMany.asked).toEqual(['GetItemCommand', 'QueryCommand', ...Array(pages).fill(page)]);
  expect(ofFew.asked).toEqual(['GetItemCommand', 'QueryCommand', page]);
  expect(pages).toBeLessThanOrEqual(6);
  expect(ofMany.bytes / ofFew.bytes).toBeLessThan(11);
  expect(ofMany.bytes).toBeLessThan(3_000_000);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let asked = 0;

/**
 * Answers a request. Returns the most memory, in bytes, that it keeps: what lives with each answer of DynamoDB, and not before
 * the first. Without `measured`, it only loads what the process keeps.
 */
async function memoryOf(
  route: Route,
  jobId: string,
  query: Record<string, string>,
  groups: string,
  measured = true,
) {
  const event = {
    ...{ headers: {}, queryStringParameters: query },
    requestContext: { authorizer: { jwt: { claims: { sub: 'ada', 'cognito:groups': groups } } } },
  } as unknown as APIGatewayProxyEventV2;
  // Other patterns for each request: what a job comes to for a group is kept for a minute.
  asked += 1;
  const REPOSITORY_GROUPS = JSON.stringify({
    all: ['*/*'],
    some: ['local/*', `!local/x${asked}`, '!local/service-00001'],
  });
  const { jobsTable, repositoriesTable } = tables.settings;
  const settings = { ...parseSettings({ REPOSITORY_GROUPS }), jobsTable, repositoriesTable };
  const used = () => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  let most = 0;
  if (measured) {
    // Buffers of the last request are let go by the second.
    collectGarbage();
    const before = used();
    onAnswer = () => {
      most = Math.max(most, used() - before);
    };
  }
  const context = { ...tables.stores, settings, artifacts, now: () => NOW } as unknown as Context;
  await route.answer(event, jobId ? { jobId } : {}, context);
  onAnswer = undefined;
  return most;
}

/** A row as the index has it takes more than a kilobyte of memory, and its name about 150 bytes. */
const MAX_BYTES_A_ROW = 400;
/** A job's row takes several kilobytes. */
const MAX_BYTES_A_JOB = 1_000;

test.each([
  ['a page of a job', getJob, '[all]'],
  ['a page of what a caller may touch of a job', getJob, '[some]'],
  ['an archive', getPatches, '[all]'],
] as const)('%s keeps no row of 5,000 in memory but those that it shows', async (_, route, groups) => {
  const query = { limit: '50' };
  // The first request loads modules, and lists of names that the process keeps.
  for (const jobId of [someLong, manyLong]) await memoryOf(route, jobId, query, groups, false);
  const small = await memoryOf(route, someLong, query, groups);
  const large = await memoryOf(route, manyLong, query, groups);
  expect((large - small) / 2_500).toBeLessThan(MAX_BYTES_A_ROW);
});

test.each([
  ['totals', getTotals, { days: '1' }, { days: '300' }],
  ['a search', listJobs, { text: 'nothing', from: AT }, { text: 'nothing' }],
] as const)('%s of 2,000 jobs keeps none of them in memory', async (_, route, ofFew, ofMany) => {
  // The first request loads modules. Totals are kept for a minute, for each number of days.
  await memoryOf(route, '', { ...ofFew, ...('days' in ofFew && { days: '2' }) }, '[all]', false);
  const small = await memoryOf(route, '', ofFew, '[all]');
  const large = await memoryOf(route, '', ofMany, '[all]');
  expect((large - small) / 2_000).toBeLessThan(MAX_BYTES_A_JOB);
});
