import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchClient } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BatchJobs, isBatchJobEnded } from '../../core/batch.ts';
import { startBatch } from '../../local/batch/server.ts';
import { startScriptedModel } from '../scripted-model.ts';
import { Stack, submitUnchanged } from './stack.ts';

const files = { 'a.txt': 'a\n' };
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
  await stack.createRepository('acme/told', files);
});
afterAll(() => stack.close());

test('a worker that Batch started without arguments asks Batch what to work on', async () => {
  const jobId = await stack.createJob(['acme/told']);
  const model = await startScriptedModel([submitUnchanged]);
  const environment: Record<string, string> = { ...stack.environment, ANTHROPIC_BASE_URL: model.url };
  const batch = await startBatch({
    ...{ dataFolder: path.join(stack.folder, 'batch'), jobQueue: 'queue', maxRunning: 1 },
    jobDefinition: {
      ...{ name: 'worker', command: [process.execPath, 'worker/main.ts'], environment },
      ...{ attempts: 1, timeoutSeconds: 60 },
    },
  });
  environment.AWS_ENDPOINT_URL_BATCH = batch.url;
  const client = new BatchClient({ endpoint: batch.url, region: 'us-east-1' });
  const jobs = new BatchJobs(client);
  try {
    const job = await jobs.submitJob({
      ...{ jobName: `${jobId}-1-0`, jobQueue: 'queue', jobDefinition: 'worker' },
      parameters: { jobId, repositoryName: 'acme/told' },
    });
    while (!isBatchJobEnded((await jobs.describeJob(job.jobId))?.status)) await sleep(20);
    expect(await stack.outcome(jobId, 'acme/told')).toMatchObject({
      outcome: 'unchanged',
      batchJobId: job.jobId,
      logs: expect.arrayContaining([expect.objectContaining({ message: `acme/told of ${jobId}` })]),
    });
  } finally {
    client.destroy();
    await batch.close();
    await model.close();
  }
});

test('a worker without arguments and without Batch takes its environment', async () => {
  const jobId = await stack.createJob(['acme/told']);
  const environment = { JOB_ID: jobId, REPOSITORY_NAME: 'acme/told' };
  const { exitCode, log } = await stack.work([], [submitUnchanged], environment);
  expect(exitCode).toBe(0);
  expect(log).toContain('"parametersFrom":"environment"');
  expect(await stack.outcome(jobId, 'acme/told')).toMatchObject({ outcome: 'unchanged' });
});

test('a worker that is told nothing, or nonsense, says how to tell it', async () => {
  for (const args of [[], ['nonsense', 'acme/told']] as const) {
    const { exitCode, log } = await stack.work(args, []);
    expect(exitCode).toBe(1);
    expect(log).toContain('JOB_ID and REPOSITORY_NAME');
  }
});
