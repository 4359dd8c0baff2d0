import { BatchWriteCommand, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf } from '../../../core/job.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../../core/store/artifacts.ts';
import { cancelJob } from '../../../lambdas/api/cancel-job.ts';
import { deleteJob } from '../../../lambdas/api/delete-job.ts';
import { retryJob } from '../../../lambdas/api/retry-job.ts';
import type { Route } from '../../../lambdas/api/route.ts';
import type { Context } from '../../../lambdas/context.ts';
import { removeJob } from '../../../lambdas/steps/remove-job.ts';
import { type LocalBatch, startBatch } from '../../../local/batch/server.ts';
import { jobRow } from '../../support/job-row.ts';
import { TestEngine } from '../../support/states-engine.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const QUEUE = 'queue';
let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let batch: LocalBatch;
let storage: Context;
const engine = new TestEngine();
const calls: string[] = [];

beforeAll(async () => {
  tables = await openTestTables();
  artifacts = await openTestArtifacts();
  folder = await temporaryFolder();
  batch = await startBatch({
    access: 'anyone',
    dataFolder: folder.path,
    jobQueue: QUEUE,
    maxRunning: 1,
    jobDefinitions: [
      {
        name: 'worker',
        command: ['/bin/true'],
        environment: {},
        secrets: {},
        attempts: 1,
        timeoutSeconds: 60,
      },
    ],
  });
  await engine.open();
  // An execution that runs until it is stopped.
  await engine.start({ StartAt: 'Run', States: { Run: { Type: 'Wait', Seconds: 3600, End: true } } });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SFN: engine.states!.url,
    AWS_ENDPOINT_URL_BATCH: batch.url,
  });
  tables.client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        calls.push(commandName!);
        return next(args);
      },
    { step: 'initialize' },
  );
  const store = new Proxy(artifacts.store, {
    get:
      (target, name: keyof typeof artifacts.store) =>
      (...args: [never, never, never]) => {
        calls.push(`artifacts.${name}`);
        return target[name](...args);
      },
  });
  storage = {
    settings: { ...tables.settings, STATE_MACHINE_ARN: engine.states!.stateMachineArn, JOB_QUEUE: QUEUE },
    ...tables.stores,
    artifacts: store,
    now: () => new Date().toISOString(),
  };
});
afterAll(async () => {
  await engine.close();
  await batch?.close();
  await tables?.close();
  await artifacts?.close();
  await folder?.remove();
});

/** Rows as the first has one, 25 a call: written one by one they would take longer than all that is asked of them. */
async function likeTheFirst(jobId: string, names: readonly string[]): Promise<void> {
  const TableName = tables.settings.repositoriesTable;
  const [first, ...others] = names as [string, ...string[]];
  const { Item } = await tables.client.send(
    new GetCommand({ TableName, Key: { jobId, repositoryName: first } }),
  );
  for (let from = 0; from < others.length; from += 25) {
    const puts = others.slice(from, from + 25).map((repositoryName) => {
      const statusKey = Item!.statusKey.replace(first, repositoryName);
      return { PutRequest: { Item: { ...Item, repositoryName, statusKey } } };
    });
    await tables.client.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
  }
}

/** A job with so many repositories, which runs. */
async function runningJob(count: number): Promise<string> {
  const names = Array.from({ length: count }, (_, i) => `local/r${i}`);
  const createdAt = new Date().toISOString();
  const job = jobRow({ counts: countsOf({ pending: count }), createdAt });
  await tables.jobs.create(job);
  await writeArtifact(artifacts.store, artifactKeys.repositories(job.jobId), names);
  await tables.rows.createPending(job.jobId, names.slice(0, 1), createdAt);
  await likeTheFirst(job.jobId, names);
  await engine.begin(`${job.jobId}-1`, { jobId: job.jobId, run: 1, action: 'analyze' });
  return job.jobId;
}

/** What is asked of the stores before the caller has an answer. */
async function callsOf(route: Route, jobId: string): Promise<string[]> {
  calls.length = 0;
  const event = { headers: {}, requestContext: {} } as unknown as APIGatewayProxyEventV2;
  await route.answer(event, { jobId }, storage);
  return [...calls].sort();
}

test('cancel, retry and delete of a job with 10,000 repositories make as many calls as with two', async () => {
  const [small, large] = [await runningJob(2), await runningJob(10_000)];
  for (const route of [cancelJob, retryJob, cancelJob, deleteJob]) {
    const ofSmall = await callsOf(route, small);
    expect([route.path, await callsOf(route, large)]).toEqual([route.path, ofSmall]);
    expect(ofSmall.length).toBeLessThanOrEqual(10);
  }
  // What the answer left is removed 25 rows a call.
  calls.length = 0;
  await removeJob({ jobId: large, run: 3, action: 'delete' }, storage);
  expect(calls.filter((name) => name === 'BatchWriteItemCommand').length).toBeGreaterThanOrEqual(400);
  expect(calls.length).toBeLessThan(450);
  const { Count } = await tables.client.send(
    new QueryCommand({
      TableName: tables.settings.repositoriesTable,
      KeyConditionExpression: 'jobId = :jobId',
      ExpressionAttributeValues: { ':jobId': large },
    }),
  );
  expect(Count).toBe(0);
  expect(await tables.jobs.deletion(large)).toEqual({ run: 3, isDone: true });
});
