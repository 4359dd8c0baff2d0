import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { newJobId } from '../../../core/job.ts';
import type { RepositoryUpdate } from '../../../core/store/row-end.ts';
import type { handler as Handler } from '../../../lambdas/events/batch-job-running.ts';
import { functionContext } from '../../../local/function-context.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

const NAME = 'local/one';
const START = 1_795_305_600_123;
const STARTED_AT = '2026-11-22T00:00:00.123Z';

let tables: TestTables;
let handler: typeof Handler;
let jobId: string;

beforeAll(async () => {
  tables = await openTestTables();
  const { settings } = tables;
  Object.assign(process.env, {
    DYNAMODB_ENDPOINT: settings.DYNAMODB_ENDPOINT,
    DYNAMODB_JOBS_TABLE: settings.jobsTable,
    DYNAMODB_REPOSITORIES_TABLE: settings.repositoriesTable,
    POWERTOOLS_LOG_LEVEL: 'SILENT',
    ARTIFACTS_URL: 'file:///nothing-is-written-there',
  });
  ({ handler } = await import('../../../lambdas/events/batch-job-running.ts'));
});
afterAll(() => tables.close());

beforeEach(async () => {
  jobId = newJobId();
  await submitted(NAME, 2);
});

/** A repository as StartRepository leaves it. */
async function submitted(repositoryName: string, run: number): Promise<void> {
  const Item = {
    ...{ jobId, repositoryName, run, status: 'processing', statusKey: `processing#${repositoryName}` },
    submittedAt: '2026-11-21T23:59:00.000Z',
    updatedAt: '2026-11-21T23:59:00.000Z',
  };
  await tables.client.send(new PutCommand({ TableName: tables.settings.repositoriesTable, Item }));
}

/** The documented event, of the repository's job in run 2. */
function event(detail: object = {}, rest: object = {}) {
  const job = '4c7599ae-0a82-49aa-ba5a-4727fcce14a8';
  return {
    version: '0',
    id: 'c8f9c4b5-76e5-d76a-f980-7011e206042b',
    'detail-type': 'Batch Job State Change',
    source: 'aws.batch',
    account: '123456789012',
    time: '2026-11-22T00:00:01Z',
    region: 'us-east-1',
    resources: [`arn:aws:batch:us-east-1:123456789012:job/${job}`],
    ...rest,
    detail: {
      jobArn: `arn:aws:batch:us-east-1:123456789012:job/${job}`,
      jobName: `${jobId}-2-local_one`,
      jobId: job,
      jobQueue: 'arn:aws:batch:us-east-1:123456789012:job-queue/cody-batch-dev-job-queue',
      status: 'RUNNING',
      attempts: [],
      createdAt: START - 60_000,
      startedAt: START,
      retryStrategy: { attempts: 3, evaluateOnExit: [] },
      dependsOn: [],
      jobDefinition: 'arn:aws:batch:us-east-1:123456789012:job-definition/cody-batch-dev-job-definition:1',
      parameters: { jobId, repositoryName: NAME },
      container: { command: ['node'], environment: [], logStreamName: 'worker/default/0123' },
      tags: {},
      propagateTags: true,
      platformCapabilities: ['FARGATE'],
      ...detail,
    },
  };
}

const deliver = (given: object) => handler(given as never, functionContext('BatchJobRunning'));
const row = () => tables.rows.get(jobId, NAME);

test('a running repository shows its start and its log stream', async () => {
  expect(await row()).not.toHaveProperty('startedAt');
  await deliver(event());
  expect(await row()).toMatchObject({
    status: 'processing',
    submittedAt: '2026-11-21T23:59:00.000Z',
    startedAt: STARTED_AT,
    batchJobId: '4c7599ae-0a82-49aa-ba5a-4727fcce14a8',
    logStream: 'worker/default/0123',
  });
});

test('an event without a start or a log stream still marks the repository as running', async () => {
  await deliver(event({ startedAt: undefined, container: undefined }));
  expect(await row()).toMatchObject({ startedAt: '2026-11-22T00:00:01.000Z' });
});

test('a repeated event, or one of an earlier attempt, changes nothing', async () => {
  await deliver(event({ startedAt: START + 60_000, container: { logStreamName: 'second' } }));
  const second = await row();
  await deliver(event({ startedAt: START + 60_000, container: { logStreamName: 'twice' } }));
  await deliver(event({ startedAt: START, container: { logStreamName: 'first' } }));
  expect(await row()).toEqual(second);
  await deliver(event({ startedAt: START + 120_000, container: { logStreamName: 'third' } }));
  expect(await row()).toMatchObject({ logStream: 'third' });
});

test('an event after the repository’s end changes nothing', async () => {
  const end: RepositoryUpdate = { status: 'completed', outcome: 'unchanged', completedAt: STARTED_AT };
  await tables.rows.end(jobId, NAME, 2, end);
  const ended = await row();
  await deliver(event({ startedAt: START + 60_000 }));
  expect(await row()).toEqual(ended);
});

test('an event of another run changes nothing in this run', async () => {
  const before = await row();
  await deliver(event({ jobName: `${jobId}-1-local_one` }));
  await deliver(event({ jobName: `${jobId}-3-local_one` }));
  expect(await row()).toEqual(before);
});

test('foreign jobs on the same queue change nothing and cause no error, whatever their names', async () => {
  const before = await row();
  const other = newJobId();
  for (const foreign of [
    { jobName: 'nightly-report', parameters: {} },
    { jobName: 'nightly-report', parameters: { jobId, repositoryName: NAME } },
    { jobName: `${jobId}-2` },
    { jobName: `${jobId}-2-`, parameters: { jobId, repositoryName: NAME } },
    { parameters: undefined },
    { parameters: { jobId } },
    { parameters: { jobId, repositoryName: `${NAME}#diff` } },
    { parameters: { jobId: other, repositoryName: NAME } },
    { jobName: `${other}-2-local_one`, parameters: { jobId: other, repositoryName: NAME } },
    { parameters: { jobId, repositoryName: 'local/none' } },
    { status: 'SUCCEEDED' },
    { status: 'A_STATUS_OF_TOMORROW' },
  ])
    await deliver(event(foreign));
  expect(await row()).toEqual(before);
  expect((await tables.index.countByIndex(other)).total).toBe(0);
});

test('another event is refused by name, so that it reaches the dead-letter queue', async () => {
  await expect(deliver(event({}, { 'detail-type': 'Something Else' }))).rejects.toMatchObject({
    name: 'InvalidInputError',
    message: expect.stringContaining('detail-type'),
  });
  await expect(deliver(event({ jobName: undefined }))).rejects.toMatchObject({
    message: expect.stringContaining('jobName'),
  });
});
