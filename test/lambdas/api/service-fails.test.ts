import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf, type JobRow } from '../../../core/job.ts';
import { JobTable } from '../../../core/store/job-table.ts';
import { cancelJob } from '../../../lambdas/api/cancel-job.ts';
import { deleteJob } from '../../../lambdas/api/delete-job.ts';
import { health } from '../../../lambdas/api/health.ts';
import { problemResponse } from '../../../lambdas/api/problem.ts';
import { retryJob } from '../../../lambdas/api/retry-job.ts';
import { type Route, toResponse } from '../../../lambdas/api/route.ts';
import type { Context } from '../../../lambdas/context.ts';
import { jobRow } from '../../support/job-row.ts';
import { keepLog } from '../../support/keep-log.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;
let states: Server;
/** What Step Functions answers to every call. */
let answer:
  | { status: number; type?: string; headers?: Record<string, string> }
  | 'dropped'
  | 'broken'
  | 'none';

beforeAll(async () => {
  [tables, artifacts] = await Promise.all([openTestTables(), openTestArtifacts()]);
  states = createServer((request, response) => {
    if (answer === 'none') return;
    if (answer === 'dropped') request.socket.destroy();
    else if (answer === 'broken') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('part', () => request.socket.destroy());
    } else {
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0', ...answer.headers });
      response.end(JSON.stringify({ __type: answer.type, message: 'As the test says.' }));
    }
  });
  await new Promise<void>((resolve) => states.listen(0, '127.0.0.1', resolve));
  process.env.AWS_ENDPOINT_URL_SFN = url();
});
afterEach(() => states.closeAllConnections());
afterAll(async () => {
  delete process.env.AWS_ENDPOINT_URL_SFN;
  states?.close();
  await tables?.close();
  await artifacts?.close();
});

function url(): string {
  return `http://127.0.0.1:${(states.address() as AddressInfo).port}`;
}

async function call(
  route: Route,
  job: Partial<JobRow>,
  existing?: string,
): Promise<{ status: number; jobId: string }> {
  const row = existing
    ? await tables.jobs.get(existing)
    : jobRow({ counts: countsOf({ failed: 1 }), ...job });
  if (!existing) await tables.jobs.create(row);
  const context = {
    settings: {
      ...tables.settings,
      STATE_MACHINE_ARN: 'arn:aws:states:us-east-1:000000000000:stateMachine:x',
    },
    ...tables.stores,
    artifacts: artifacts.store,
    now: () => row.createdAt,
  };
  const event = { headers: {}, requestContext: {} } as unknown as APIGatewayProxyEventV2;
  const { jobId } = row;
  const response = await route
    .answer(event, { jobId }, context)
    .then((output) => toResponse(output, {}, route), problemResponse);
  return { status: response.statusCode!, jobId };
}

test.each([
  ['drops the connection', 'dropped'],
  ['fails', { status: 500, type: 'InternalServerError' }],
  ['limits the rate', { status: 400, type: 'ThrottlingException' }],
] as const)(
  'if Step Functions %s, a request whose effect is recorded is answered as carried out',
  async (_, as) => {
    answer = as;
    const retried = await call(retryJob, { status: 'failed' });
    expect(retried.status).toBe(202);
    expect(await tables.jobs.get(retried.jobId)).toMatchObject({ status: 'pending', run: 2 });
    const deleted = await call(deleteJob, { status: 'failed' });
    expect(deleted.status).toBe(204);
    expect(await tables.jobs.deletion(deleted.jobId)).toEqual({ run: 2, isDone: false });
  },
);

test('if the API may not start an execution, the request fails', async () => {
  answer = { status: 400, type: 'AccessDeniedException' };
  expect((await call(retryJob, { status: 'failed' })).status).toBe(500);
});

/** One call of each client, without its retries. */
const CALLS = {
  dynamodb: () =>
    new DynamoDBClient({ ...CLIENT, endpoint: url() }).send(
      new GetItemCommand({ TableName: 'jobs', Key: { jobId: { S: 'x' } } }),
    ),
  s3: async () => {
    const s3 = new S3Client({ ...CLIENT, endpoint: url(), forcePathStyle: true });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'artifacts', Key: 'jobs/x' }));
    return Body!.transformToByteArray();
  },
  github: () => new Octokit({ baseUrl: url(), log: SILENT }).rest.users.getByUsername({ username: 'acme' }),
};
const CLIENT = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  maxAttempts: 1,
  requestHandler: { requestTimeout: 100, throwOnRequestTimeout: true },
};
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

test.each([
  ['dynamodb', 'dropped', 503],
  ['dynamodb', 'none', 503],
  ['dynamodb', { status: 500, type: 'InternalServerError' }, 503],
  ['dynamodb', { status: 503 }, 503],
  ['dynamodb', { status: 400, type: 'ProvisionedThroughputExceededException' }, 503],
  ['dynamodb', { status: 400, type: 'ThrottlingException' }, 503],
  ['dynamodb', { status: 400, type: 'ValidationException' }, 500],
  ['dynamodb', { status: 400, type: 'ResourceNotFoundException' }, 500],
  ['dynamodb', { status: 400, type: 'AccessDeniedException' }, 500],
  ['s3', 'dropped', 503],
  ['s3', 'broken', 503],
  ['s3', { status: 503 }, 503],
  ['s3', { status: 403 }, 500],
  ['github', 'dropped', 503],
  ['github', { status: 502 }, 503],
  ['github', { status: 401 }, 500],
] as const)('if a call of %s meets %j, the API answers %i', async (service, as, expected) => {
  answer = as;
  const error = await CALLS[service]().then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error).toBeDefined();
  const { statusCode, headers, body } = problemResponse(error);
  expect([statusCode, headers!['retry-after']]).toEqual([expected, expected === 503 ? '5' : undefined]);
  const type = expected === 503 ? 'unavailable' : 'internal';
  expect(JSON.parse(body!)).toMatchObject({ type: `urn:cody-batch:problem:${type}`, status: expected });
});

test('if GitHub limits the rate, the caller is told when to ask again', async () => {
  answer = { status: 403, headers: { 'retry-after': '42' } };
  const error = await CALLS.github().then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(problemResponse(error)).toMatchObject({ statusCode: 503, headers: { 'retry-after': '42' } });
});

test('a cancel that Step Functions does not answer is 503, and the same request again carries it out', async () => {
  answer = 'dropped';
  const { status, jobId } = await call(cancelJob, { status: 'processing', counts: countsOf({}) });
  expect(status).toBe(503);
  answer = { status: 200 };
  expect(await call(cancelJob, {}, jobId)).toMatchObject({ status: 200 });
  expect(await tables.jobs.get(jobId)).toMatchObject({ status: 'cancelled' });
});

test('health says which dependency fails, and the log has its error, such as a table of another name', async () => {
  const log = keepLog();
  const jobs = new JobTable(tables.client, { ...tables.settings, jobsTable: 'no-such-table' });
  const { settings, stores } = tables;
  const context = { ...stores, settings, jobs, artifacts: artifacts.store } as unknown as Context;
  const event = { headers: {}, requestContext: {} } as unknown as APIGatewayProxyEventV2;
  const output = await health.answer(event, {}, context);
  expect(output).toMatchObject({
    status: 503,
    json: { status: 'failing', dependencies: { tables: 'failing', artifacts: 'ok' } },
  });
  expect(log.map((line) => JSON.parse(line))).toMatchObject([
    { message: 'health check failed', dependency: 'tables', error: { name: 'ResourceNotFoundException' } },
  ]);
});
