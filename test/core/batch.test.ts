import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchClient, type JobDetail } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BatchJobs, isBatchJobEnded } from '../../core/batch.ts';
import { type LocalBatch, startBatch } from '../../local/batch/server.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';

const WHERE = { jobQueue: 'queue', jobDefinition: 'worker' };
const EXIT_BY_PARAMETER = 'process.exit(Number(process.argv[1]))';

let folder: string;
let batch: LocalBatch;
let client: BatchClient;
let jobs: BatchJobs;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'batch-jobs-'));
  batch = await startBatch({
    access: 'anyone',
    dataFolder: folder,
    jobQueue: 'queue',
    jobDefinition: {
      name: 'worker',
      command: [process.execPath, '-e', EXIT_BY_PARAMETER, 'Ref::exitCode'],
      environment: {},
      attempts: 3,
      timeoutSeconds: 600,
    },
    maxRunning: 1,
  });
  client = new BatchClient({ ...LOCAL_AWS, endpoint: batch.url });
  jobs = new BatchJobs(client);
});

afterAll(async () => {
  client.destroy();
  await batch.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ended(jobId: string): Promise<JobDetail> {
  for (;;) {
    const job = await jobs.describeJob(jobId);
    if (isBatchJobEnded(job?.status)) return job!;
    await sleep(10);
  }
}

const SLEEP = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];

test('a submitted job gets the command, parameters and environment of its request', async () => {
  const submitted = await jobs.submitJob({
    ...WHERE,
    jobName: 'whole',
    command: [process.execPath, '-e', 'process.exit(process.env.REPOSITORY === "octo/repo" ? 0 : 1)'],
    parameters: { jobId: 'job-1' },
    environment: { REPOSITORY: 'octo/repo' },
    attempts: 2,
    attemptDurationSeconds: 90,
    tags: { jobId: 'job-1' },
  });
  expect(submitted).toEqual({
    jobId: expect.any(String),
    jobName: 'whole',
    jobArn: expect.stringContaining(submitted.jobId),
  });
  expect(await ended(submitted.jobId)).toMatchObject({
    status: 'SUCCEEDED',
    parameters: { jobId: 'job-1' },
    retryStrategy: { attempts: 2 },
    timeout: { attemptDurationSeconds: 90 },
    tags: { jobId: 'job-1' },
  });
});

test('a request without a command or attempts gets those of the job definition', async () => {
  const { jobId } = await jobs.submitJob({ ...WHERE, jobName: 'plain', parameters: { exitCode: '3' } });
  const job = await ended(jobId);
  expect(job.attempts!.map((attempt) => attempt.container!.exitCode)).toEqual([3, 3, 3]);
});

test('an invalid name is refused before the call, with the value received', async () => {
  await expect(jobs.submitJob({ ...WHERE, jobName: 'octo/repo' })).rejects.toMatchObject({
    name: 'InvalidInputError',
    field: 'jobName',
    received: 'octo/repo',
    message: expect.stringContaining('"octo/repo"'),
  });
});

test('describing an unknown job returns undefined', async () => {
  expect(await jobs.describeJob('unknown')).toBeUndefined();
});

test('a list by name prefix has every job of the prefix, over several pages, and no other job', async () => {
  const submit = (jobName: string) => jobs.submitJob({ ...WHERE, jobName, command: SLEEP });
  const mine = await Promise.all(Array.from({ length: 120 }, (_, job) => submit(`job-A-${job}`)));
  const other = await submit('job-a-0');

  const swept: string[] = [];
  for await (const job of jobs.listJobs({ jobQueue: 'queue', namePrefix: 'job-A-' })) {
    swept.push(job.jobId!);
    await jobs.terminateJob(job.jobId!, 'swept');
  }
  expect(swept.sort()).toEqual(mine.map((job) => job.jobId).sort());
  await Promise.all(swept.map(ended));
  const details = await jobs.describeJobs(swept);
  expect(details).toHaveLength(120);
  expect(new Set(details.map((job) => job.statusReason))).toEqual(new Set(['swept']));

  await jobs.cancelJob(other.jobId, 'too late or not');
  await jobs.terminateJob(other.jobId, 'done');
  expect((await ended(other.jobId)).status).toBe('FAILED');
});

test('an empty prefix is refused, and does not list the whole queue', async () => {
  const list = jobs.listJobs({ jobQueue: 'queue', namePrefix: '' });
  await expect(list.next()).rejects.toMatchObject({ name: 'InvalidInputError', field: 'namePrefix' });
});

test('an error of Batch reaches the caller with its name', async () => {
  await expect(jobs.submitJob({ ...WHERE, jobQueue: 'other', jobName: 'job' })).rejects.toMatchObject({
    name: 'ClientException',
    message: expect.stringContaining('other'),
  });
});
