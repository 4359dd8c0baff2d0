import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BatchJobRequest, BatchService } from '../../core/batch/batch-service.ts';
import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { startBatch } from '../../local/batch/server.ts';
import { startScriptedModel } from '../support/scripted-model.ts';
import { Stack, submitUnchanged } from '../support/worker-stack.ts';

const files = { 'a.txt': 'a\n' };
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
  await stack.createRepository('acme/told', files);
});
afterAll(() => stack.close());

/** A Batch whose job definition has the product's own command, or another. */
async function withBatch(
  args: readonly string[],
  run: (submit: (request: BatchJobRequest) => Promise<string>) => Promise<void>,
): Promise<void> {
  const model = await startScriptedModel([submitUnchanged]);
  const environment: Record<string, string> = { ...stack.environment, ANTHROPIC_BASE_URL: model.url };
  const batch = await startBatch({
    access: 'anyone',
    ...{ dataFolder: path.join(stack.folder, randomUUID()), jobQueue: 'queue', maxRunning: 1 },
    jobDefinitions: [
      {
        ...{ name: 'worker', command: [process.execPath, stack.entry, ...args], environment },
        ...{ attempts: 1, timeoutSeconds: 60 },
      },
    ],
  });
  environment.AWS_ENDPOINT_URL_BATCH = batch.url;
  const jobs = new BatchService({
    ...{ endpoint: batch.url, region: 'us-east-1' },
    ...{ jobQueue: 'queue', jobDefinition: 'worker', jobBaseName: 'by-hand' },
  });
  try {
    await run(async (request) => {
      const { jobId } = await jobs.submitJob(request);
      await jobs.waitForJobs([jobId], { pollSeconds: 0.02 });
      return jobId;
    });
  } finally {
    await batch.close();
    await model.close();
  }
}

test('a worker that Batch started without arguments reads its parameters from Batch', async () => {
  const jobId = await stack.createJob(['acme/told']);
  await withBatch([], async (submit) => {
    const batchJobId = await submit({ parameters: { jobId, repositoryName: 'acme/told' } });
    expect(await stack.outcome(jobId, 'acme/told')).toMatchObject({
      outcome: 'unchanged',
      batchJobId,
      logs: expect.arrayContaining([expect.objectContaining({ message: `acme/told of ${jobId}` })]),
    });
  });
});

test('a Batch job that outlived its run does nothing, so that the next run pays for no work twice', async () => {
  const jobId = await stack.createJob(['acme/told']);
  await withBatch(WORKER_ARGUMENTS, async (submit) => {
    const parameters = { jobId, repositoryName: 'acme/told', from: '' };
    await submit({ parameters: { ...parameters, run: '2' } });
    expect(await stack.outcome(jobId, 'acme/told')).toBeUndefined();
    await submit({ parameters: { ...parameters, run: '1' } });
    expect(await stack.outcome(jobId, 'acme/told')).toMatchObject({ run: 1, outcome: 'unchanged' });
  });
});

test("the product's own job definition takes a job by hand, with parameters or with variables in the environment", async () => {
  await withBatch(WORKER_ARGUMENTS, async (submit) => {
    const byVariables = await stack.createJob(['acme/told']);
    await submit({ environment: { JOB_ID: byVariables, REPOSITORY_NAME: 'acme/told' } });
    expect(await stack.outcome(byVariables, 'acme/told')).toMatchObject({ outcome: 'unchanged' });
  });
});

test('a worker that cannot ask Batch logs the missing permission and reads its environment', async () => {
  const jobId = await stack.createJob(['acme/told']);
  const denied = http.createServer((_request, response) => {
    response.writeHead(403, {
      'content-type': 'application/json',
      'x-amzn-errortype': 'AccessDeniedException',
    });
    response.end('{"message":"User is not authorized to perform: batch:DescribeJobs"}');
  });
  await once(denied.listen(0, '127.0.0.1'), 'listening');
  const { port } = denied.address() as AddressInfo;
  try {
    const environment = { AWS_BATCH_JOB_ID: 'a-job', JOB_ID: jobId, REPOSITORY_NAME: 'acme/told' };
    const AWS_ENDPOINT_URL_BATCH = `http://127.0.0.1:${port}`;
    const { exitCode, log } = await stack.work([], [submitUnchanged], {
      ...environment,
      AWS_ENDPOINT_URL_BATCH,
    });
    expect({ exitCode, log }).toEqual({
      exitCode: 0,
      log: expect.stringMatching(/DescribeJobs of a-job failed.*not authorized.*role batch:DescribeJobs/),
    });
    expect(log).toMatch(/"parametersFrom":"environment","tables":\["[\w-]+","[\w-]+"\]/);
  } finally {
    denied.close();
  }
});

test('a worker refuses a repository that ALLOWED_REPOSITORIES does not allow, even from a Batch job submitted by hand', async () => {
  const jobId = await stack.createJob(['acme/told']);
  const environment = { ALLOWED_REPOSITORIES: 'acme/*,!acme/told' };
  const { exitCode, model } = await stack.work([jobId, 'acme/told'], [submitUnchanged], environment);
  expect({ exitCode, asked: model.requests.length }).toEqual({ exitCode: 0, asked: 0 });
  expect(await stack.outcome(jobId, 'acme/told')).toMatchObject({
    outcome: 'failed',
    error: {
      name: 'RepositoryUnavailableError',
      message: expect.stringContaining('acme/told is not allowed'),
    },
  });
});

test('a worker without arguments and without Batch reads its environment', async () => {
  const jobId = await stack.createJob(['acme/told']);
  const environment = { JOB_ID: jobId, REPOSITORY_NAME: 'acme/told' };
  const { exitCode, log } = await stack.work([], [submitUnchanged], environment);
  expect(exitCode).toBe(0);
  expect(log).toContain('"parametersFrom":"environment"');
  expect(await stack.outcome(jobId, 'acme/told')).toMatchObject({ outcome: 'unchanged' });
});

test('a worker without valid parameters explains how to give them', async () => {
  for (const args of [[], ['nonsense', 'acme/told'], ['Ref::jobId', 'acme/told']] as const) {
    const { exitCode, log } = await stack.work(args, []);
    expect(exitCode).toBe(1);
    expect(log).toContain('JOB_ID and REPOSITORY_NAME');
  }
});
