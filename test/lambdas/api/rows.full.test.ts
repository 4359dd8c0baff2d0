import { gunzipSync } from 'node:zlib';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf } from '../../../core/job.ts';
import { getRows } from '../../../lambdas/api/get-rows.ts';
import { toResponse } from '../../../lambdas/api/route.ts';
import type { Context } from '../../../lambdas/context.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
/** What is asked of DynamoDB: the command, and the index of a Query. */
const calls: string[] = [];

beforeAll(async () => {
  tables = await openTestTables();
  tables.client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        const { IndexName } = args.input as { IndexName?: string };
        calls.push([commandName, IndexName].filter(Boolean).join(' '));
        return next(args);
      },
    { step: 'initialize' },
  );
});
afterAll(() => tables?.close());

/** An item with every attribute that the index holds, and with text that it does not hold. */
function rowOf(jobId: string, i: number) {
  const repositoryName = `local/service-${String(i).padStart(5, '0')}`;
  const prState = ['open', 'merged', 'closed'][i % 3]!;
  const digest = (n: number) => (n * 2_654_435_761).toString(16).padStart(16, '0').slice(0, 16);
  return {
    ...{ jobId, repositoryName, run: 1, updatedAt: AT, completedAt: AT, status: 'completed' },
    ...{ statusKey: `completed#${repositoryName}`, pullRequestKey: `${prState}#${repositoryName}` },
    ...{ outcome: 'changed', end: 'submitted', summary: 'A long text. '.repeat(40), costUsd: i / 1e5 },
    ...{ changedFiles: i % 9, additions: i % 100, deletions: i % 50, shape: `1:${digest(i % 40)}` },
    ...{ kin: `1:${digest(i % 10)}`, patchSha: digest(i).repeat(4), risk: i % 4, prState, checks: 'passing' },
    ...{ pullRequestNumber: i },
  };
}

async function jobWith(count: number): Promise<string> {
  const job = jobRow({ counts: countsOf({ completed: count }), status: 'completed' });
  await tables.jobs.create(job);
  const TableName = tables.settings.repositoriesTable;
  const items: Record<string, unknown>[] = [];
  for (let i = 0; i < count; i += 1) {
    const row = rowOf(job.jobId, i);
    items.push(row);
    if (i % 100 === 0)
      items.push({
        jobId: job.jobId,
        repositoryName: `${row.repositoryName}#diff`,
        diff: '+\n'.repeat(50_000),
      });
  }
  for (let from = 0; from < items.length; from += 25) {
    const puts = items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
    await tables.client.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
  }
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
  const few = await read(await jobWith(1_000));
  const many = await read(await jobWith(10_000));
  expect(many.columns.repositoryName).toHaveLength(10_000);
  expect(new Set(Object.values(many.columns).map((column) => (column as []).length))).toEqual(
    new Set([10_000]),
  );
  const at = many.columns.repositoryName.indexOf('local/service-04217');
  const shown = Object.fromEntries(
    Object.entries(many.columns).map(([name, column]) => [name, (column as [])[at]]),
  );
  expect(shown).toMatchObject({ status: 'completed', costUsd: 0.04217, prState: 'closed', prNumber: 4217 });
  expect(many.columns).not.toHaveProperty('summary');
  expect(many.columns).not.toHaveProperty('review');

  // The table itself is queried for the few reviews only, by their keys: it has the diffs between the rows.
  const page = 'QueryCommand job-summary-index';
  const pages = many.asked.filter((call) => call === page).length;
  expect(many.asked).toEqual(['GetItemCommand', 'QueryCommand', ...Array(pages).fill(page)]);
  expect(few.asked).toEqual(['GetItemCommand', 'QueryCommand', page]);
  expect(pages).toBeLessThanOrEqual(6);
  expect(many.bytes / few.bytes).toBeLessThan(11);
  expect(many.bytes).toBeLessThan(3_000_000);
});
