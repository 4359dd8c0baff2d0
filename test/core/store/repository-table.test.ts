import { type KeysAndAttributes, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { type BatchGetCommandInput, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newJobId } from '../../../core/job.ts';
import { RepositoryTable } from '../../../core/store/repository-table.ts';
import { JOB_SUMMARY_INDEX, openDynamoDB } from '../../../core/store/tables.ts';
import { AT } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

const NAME = 'local/one';
const LATER = '2026-11-22T00:01:00.000Z';
const ENDED = { status: 'completed', outcome: 'changed', completedAt: LATER } as const;

/** Writes a row that this run works on, as StartRepository does. */
async function processing(jobId: string, repositoryName: string, run = 1): Promise<void> {
  const { client, settings } = tables;
  const texts = { jobId, repositoryName, status: 'processing', statusKey: `processing#${repositoryName}` };
  await client.send(
    new PutItemCommand({
      TableName: settings.repositoriesTable,
      Item: {
        ...Object.fromEntries(Object.entries(texts).map(([name, S]) => [name, { S }])),
        run: { N: String(run) },
        updatedAt: { S: AT },
      },
    }),
  );
}

test('resolving again creates the missing rows and resets none', async () => {
  const { rows } = tables;
  const jobId = newJobId();
  await rows.createPending(jobId, [NAME], AT);
  await processing(jobId, NAME);
  await rows.end(jobId, NAME, 1, ENDED);
  await rows.createPending(jobId, [NAME, 'local/two'], LATER, 2);
  const read = await rows.getMany(jobId, ['local/two', 'local/none', NAME]);
  expect(read.map(({ repositoryName, status, run }) => [repositoryName, status, run])).toEqual([
    ['local/two', 'pending', 2],
    [NAME, 'completed', 1],
  ]);
  await expect(rows.get(jobId, 'local/none')).rejects.toThrow('has no repository local/none');
});

test('250 rows are read in the requested order, with the requested attributes, and counted by status', async () => {
  const { rows, index } = tables;
  const jobId = newJobId();
  const names = Array.from({ length: 250 }, (_, i) => `local/r${i}`);
  await rows.createPending(jobId, names, AT);
  await processing(jobId, 'local/r7');
  await processing(jobId, 'local/r8');
  await rows.end(jobId, 'local/r8', 1, ENDED);
  const asked = names.toReversed();
  const read = await rows.getMany(jobId, asked, ['repositoryName', 'status', 'run']);
  expect(read.map(({ repositoryName }) => repositoryName)).toEqual(asked);
  expect(Object.keys(read[0]!).sort()).toEqual(['repositoryName', 'run', 'status']);
  expect(await index.countByIndex(jobId)).toEqual({
    ...{ total: 250, pending: 248, processing: 1, completed: 1, failed: 0, cancelled: 0 },
  });
  // A repository that waits for the model is processing, and counts as waiting until its next attempt runs.
  const wait = { attempts: 1, waiting: { until: LATER, times: 1 }, at: AT };
  await rows.recordModelWait(jobId, 'local/r7', wait);
  await rows.recordModelWait(jobId, 'local/r8', wait);
  expect(await index.countByIndex(jobId)).toMatchObject({ total: 250, processing: 1, waiting: 1 });
  const running = { startedAt: LATER, batchJobId: 'batch-1', logStream: undefined, updatedAt: LATER };
  await rows.recordRunning(jobId, 'local/r7', 1, running);
  const counts = await index.countByIndex(jobId);
  expect(counts).toMatchObject({ total: 250, processing: 1 });
  expect(counts).not.toHaveProperty('waiting');
});

test('a repository that waits in its slot counts as waiting until it continues, and not after it has ended', async () => {
  const { rows, index } = tables;
  const jobId = newJobId();
  await processing(jobId, NAME);
  const progress = { phase: 'conversing' as const, turns: 1, updatedAt: LATER };
  const waits = { ...progress, phase: 'waitingForModel' as const, waiting: { until: LATER, times: 1 } };
  await rows.recordProgress(jobId, NAME, waits);
  expect(await index.countByIndex(jobId)).toMatchObject({ total: 1, processing: 1, waiting: 1 });
  await rows.recordProgress(jobId, NAME, progress);
  expect(await index.countByIndex(jobId)).toEqual({
    ...{ total: 1, pending: 0, processing: 1, completed: 0, failed: 0, cancelled: 0 },
  });
  await rows.recordProgress(jobId, NAME, waits);
  await rows.end(jobId, NAME, 1, ENDED);
  // A worker's last progress arrives late.
  await rows.recordProgress(jobId, NAME, waits);
  const counts = await index.countByIndex(jobId);
  expect(counts).toMatchObject({ total: 1, completed: 1, processing: 0 });
  expect(counts).not.toHaveProperty('waiting');
});

test('rows that a throttled table leaves out are requested again, and none is missing', async () => {
  const { client, settings } = tables;
  const jobId = newJobId();
  const names = Array.from({ length: 60 }, (_, i) => `local/r${i}`);
  const own = openDynamoDB(settings);
  const rows = new RepositoryTable(own, settings);
  await rows.createPending(jobId, names, AT);
  let asked = 0;
  own.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName !== 'BatchGetItemCommand') return next(args);
        asked += 1;
        const input = args.input as BatchGetCommandInput;
        const [[table, request]] = Object.entries(input.RequestItems!) as [[string, KeysAndAttributes]];
        // Answers nothing at first, then ten at a time.
        const now = asked === 1 ? [] : request.Keys!.slice(0, 10);
        const left = { [table]: { ...request, Keys: request.Keys!.slice(now.length) } };
        if (now.length === 0) return { output: { UnprocessedKeys: left, $metadata: {} }, response: {} };
        const RequestItems = { [table]: { ...request, Keys: now } };
        const result = await next({ ...args, input: { ...input, RequestItems } as never });
        if (now.length < request.Keys!.length) Object.assign(result.output, { UnprocessedKeys: left });
        return result;
      },
    { step: 'initialize', priority: 'low' },
  );
  try {
    const read = await rows.getMany(jobId, names, ['repositoryName']);
    expect(read.map(({ repositoryName }) => repositoryName)).toEqual(names);
    expect(asked).toBe(7);
  } finally {
    own.destroy();
  }
  expect(await new RepositoryTable(client, settings).getMany(jobId, names)).toHaveLength(60);
});

test('one of ten concurrent ends of a repository is written, and no later write changes it', async () => {
  const { rows } = tables;
  const jobId = newJobId();
  await processing(jobId, NAME);
  const ends = await Promise.all(
    Array.from({ length: 10 }, (_, turns) => rows.end(jobId, NAME, 1, { ...ENDED, turns })),
  );
  expect(ends.filter(Boolean)).toHaveLength(1);
  const ended = await rows.get(jobId, NAME);
  const cancelled = { status: 'cancelled', completedAt: LATER } as const;
  expect(await rows.endUnfinished(jobId, NAME, 1, cancelled)).toBe(false);
  expect(await rows.resetForRun(ended, 2, LATER)).toBe(false);
  expect(await rows.get(jobId, NAME)).toEqual(ended);
});

test('an unfinished repository ends with its run, and one of a later run stays', async () => {
  const { rows } = tables;
  const cancelled = { status: 'cancelled', completedAt: LATER } as const;
  for (const [run, ends] of [
    [1, true],
    [2, true],
    [3, false],
  ] as const) {
    const jobId = newJobId();
    await processing(jobId, NAME, run);
    expect(await rows.endUnfinished(jobId, NAME, 2, cancelled)).toBe(ends);
    expect((await rows.get(jobId, NAME)).status).toBe(ends ? 'cancelled' : 'processing');
  }
});

test('a retry resets what failed, removes the result of that run, and keeps its cost', async () => {
  const { rows, index } = tables;
  const jobId = newJobId();
  await processing(jobId, NAME);
  const tokenUsage = { input: 1, output: 2, cacheCreation: 3, cacheRead: 4, total: 10 };
  const error = { name: 'WorkerLostError', message: 'Gone.' };
  const failed = { status: 'failed', outcome: 'failed', completedAt: AT, error } as const;
  const left = { artifacts: { diff: 'd' }, logs: [], baseSha: 'sha', turns: 3, attempts: 2 };
  await rows.end(jobId, NAME, 1, { ...failed, ...left, tokenUsage, costUsd: 0.5 });
  expect(await rows.resetForRun(await rows.get(jobId, NAME), 2, LATER)).toBe(true);
  const row = await rows.get(jobId, NAME);
  expect(row).toMatchObject({ status: 'pending', run: 2, earlierRuns: { tokenUsage, costUsd: 0.5 } });
  for (const gone of ['error', 'outcome', 'turns', 'attempts', 'completedAt', 'artifacts', 'logs', 'baseSha'])
    expect(row).not.toHaveProperty(gone);
  expect(await index.countByIndex(jobId)).toMatchObject({ total: 1, pending: 1 });
});

test('a diff is stored byte for byte, one that DynamoDB cannot hold is left out, and all items of a job are removed', async () => {
  const { rows, index, client, settings } = tables;
  const jobId = newJobId();
  await rows.createPending(jobId, [NAME], AT);
  const diff = Buffer.from(`+${'ä'.repeat(150 * 1024 - 1)}+`);
  expect(diff.length).toBe(300 * 1024);
  expect(await rows.putDiff(jobId, NAME, diff, AT)).toBe(true);
  expect(await rows.putDiff(jobId, NAME, Buffer.concat([diff, Buffer.from('x')]), AT)).toBe(false);
  expect(await rows.putDiff(jobId, NAME, Buffer.from([0xff]), AT)).toBe(false);
  const Key = { jobId, repositoryName: `${NAME}#diff` };
  const { Item } = await client.send(new GetCommand({ TableName: settings.repositoriesTable, Key }));
  expect(Buffer.from(Item!.diff).equals(diff)).toBe(true);
  expect((await index.countByIndex(jobId)).total).toBe(1);

  await rows.removeAll(jobId);
  const left = await client.send(
    new QueryCommand({
      TableName: settings.repositoriesTable,
      KeyConditionExpression: 'jobId = :jobId',
      ExpressionAttributeValues: { ':jobId': jobId },
    }),
  );
  expect(left.Items).toEqual([]);
});

test('progress, attempts and pull requests are written to an existing row, and create none', async () => {
  const { rows } = tables;
  const jobId = newJobId();
  await processing(jobId, NAME);
  const progress = { phase: 'conversing' as const, turns: 3, updatedAt: LATER };
  const pullRequest = { state: 'failed' as const, error: { name: 'HttpError', message: 'No.' } };
  const waiting = { until: LATER, times: 2, reason: 'HTTP 429' };
  for (const name of [NAME, 'local/none']) {
    await rows.recordProgress(jobId, name, progress);
    await rows.recordPullRequest(jobId, name, LATER, { pullRequest });
    await rows.recordModelWait(jobId, name, { attempts: 2, waiting, at: LATER });
  }
  const waits = { phase: 'waitingForModel', waiting, turns: 3, attempts: 2 };
  expect(await rows.get(jobId, NAME)).toMatchObject({ ...waits, pullRequest });
  await rows.recordProgress(jobId, NAME, progress);
  expect(await rows.get(jobId, NAME)).toMatchObject(progress);
  expect(await rows.get(jobId, NAME)).not.toHaveProperty('waiting');
  await expect(rows.get(jobId, 'local/none')).rejects.toThrow('has no repository');
});

test('the index of rows by status has no text, so that a list of 10,000 stays small', async () => {
  const { rows, client, settings } = tables;
  const jobId = newJobId();
  await rows.createPending(jobId, [NAME], AT);
  const { Items } = await client.send(
    new QueryCommand({
      TableName: settings.repositoriesTable,
      IndexName: JOB_SUMMARY_INDEX,
      KeyConditionExpression: 'jobId = :jobId AND begins_with(statusKey, :status)',
      ExpressionAttributeValues: { ':jobId': jobId, ':status': 'pending#' },
    }),
  );
  expect(Items).toEqual([{ jobId, repositoryName: NAME, run: 1, statusKey: `pending#${NAME}` }]);
});
