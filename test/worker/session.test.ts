import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LoopbackServer, listenOnLoopback, readBody } from '../../local/access/loopback.ts';
import { Stack, submitUnchanged } from '../support/worker-stack.ts';

/**
 * The function that gives workers their credentials, as a worker sees it. What the credentials may do, and who gets them,
 * test/e2e/whole-job.moto.test.ts shows with the function itself.
 */
const TOKEN = '7d0f0c52-57a5-4a5c-9b6e-0f6a3f6d1f11';
const NAME = 'acme/lent';
let stack: Stack;
let lambda: LoopbackServer;
let answers: { error?: string; body: object }[] = [];
const asked: object[] = [];
beforeAll(async () => {
  stack = await Stack.start();
  await stack.createRepository(NAME, { 'a.txt': 'a\n' });
  lambda = await listenOnLoopback(
    async (request, response) => {
      asked.push(JSON.parse(String(await readBody(request, 10_000))));
      const { error, body } = answers.length > 1 ? answers.shift()! : answers[0]!;
      response
        .writeHead(200, {
          'content-type': 'application/json',
          ...(error && { 'x-amz-function-error': error }),
        })
        .end(JSON.stringify(body));
    },
    { access: 'anyone', name: 'lambda' },
  );
});
afterAll(async () => {
  await lambda.close();
  await stack.close();
});

const lent = (minutes: number) => ({
  body: {
    ...{ accessKeyId: 'ASIALENT', secretAccessKey: 'lent', sessionToken: 'lent' },
    expiration: new Date(Date.now() + minutes * 60_000).toISOString(),
  },
});
const refused = {
  error: 'Unhandled',
  body: { errorType: 'WorkerRefusedError', errorMessage: 'It has ended.' },
};
const failed = {
  error: 'Unhandled',
  body: { errorType: 'Sandbox.Timedout', errorMessage: 'Task timed out' },
};

async function work(given: typeof answers, environment: Record<string, string> = {}) {
  answers = given;
  asked.length = 0;
  const jobId = await stack.createJob([NAME]);
  const worker = await stack.work([jobId, NAME], [submitUnchanged], {
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
    WORKER_CREDENTIALS_FUNCTION: 'credentials',
    WORKER_TOKEN: TOKEN,
    ...environment,
  });
  return { ...worker, jobId, outcome: await stack.outcome(jobId, NAME) };
}

test('one answer of the credentials function serves all clients of a worker', async () => {
  const { exitCode, jobId, outcome } = await work([lent(60)]);
  expect([exitCode, outcome?.outcome]).toEqual([0, 'unchanged']);
  expect(asked).toEqual([{ jobId, repositoryName: NAME, token: TOKEN }]);
});

test('credentials that are about to expire are used until then if they cannot be renewed', async () => {
  const { exitCode, outcome } = await work([lent(4), failed]);
  expect([exitCode, outcome?.outcome]).toEqual([0, 'unchanged']);
  expect(asked.length).toBeGreaterThan(1);
});

test('a worker without permission is not retried, and its log has the reason and no token', async () => {
  const { exitCode, log, outcome } = await work([refused]);
  expect([exitCode, outcome]).toEqual([1, undefined]);
  expect(log).toMatch(
    /refused to give this worker credentials for acme\/lent of job-.*It has ended\..*retry the job/,
  );
  expect(log).not.toContain(TOKEN);
});

test('a failed credentials function is retried, and a missing token is logged with its source', async () => {
  const { exitCode, log } = await work([failed]);
  expect(exitCode).toBe(75);
  expect(log).toContain('Read its log group /aws/lambda/credentials');
  const without = await work([lent(60)], { WORKER_TOKEN: '' });
  expect(without.exitCode).toBe(1);
  expect(without.log).toMatch(/WORKER_TOKEN is not set.*A Batch job by hand/);
  expect(asked).toEqual([]);
});
