import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf, type JobRow } from '../../../core/job.ts';
import { deleteJob } from '../../../lambdas/api/delete-job.ts';
import { problemResponse } from '../../../lambdas/api/problem.ts';
import { retryJob } from '../../../lambdas/api/retry-job.ts';
import { type Route, toResponse } from '../../../lambdas/api/route.ts';
import { jobRow } from '../../support/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;
let states: Server;
/** What Step Functions answers to every call. */
let answer: { status: number; type?: string } | 'dropped';

beforeAll(async () => {
  [tables, artifacts] = await Promise.all([openTestTables(), openTestArtifacts()]);
  states = createServer((request, response) => {
    if (answer === 'dropped') request.socket.destroy();
    else {
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: answer.type, message: 'As the test says.' }));
    }
  });
  await new Promise<void>((resolve) => states.listen(0, '127.0.0.1', resolve));
  process.env.AWS_ENDPOINT_URL_SFN = `http://127.0.0.1:${(states.address() as AddressInfo).port}`;
});
afterEach(() => states.closeAllConnections());
afterAll(async () => {
  delete process.env.AWS_ENDPOINT_URL_SFN;
  states?.close();
  await tables?.close();
  await artifacts?.close();
});

async function call(route: Route, job: Partial<JobRow>): Promise<{ status: number; jobId: string }> {
  const row = jobRow({ counts: countsOf({ failed: 1 }), ...job });
  await tables.jobs.create(row);
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
