import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { GetExecutionHistoryCommand } from '@aws-sdk/client-sfn';
import { expect } from '@jest/globals';
import type { MetricName } from '../../core/metrics.ts';
import { LOCAL_AWS } from './aws-clients.ts';
import { type DrillStack, NAMES } from './drill-stack.ts';
import { embedded } from './metric-data.ts';
import { until } from './until.ts';

/** Breaks one thing while a job works, mends it, and expects that nothing was lost. Returns a figure for the report. */
export type Drill = (stack: DrillStack) => Promise<string>;

/** Waits until functions or workers have counted this of the job as often as its alarm asks for (lib/monitoring/alarms.ts). */
async function counted(
  stack: DrillStack,
  jobId: string,
  [metric, threshold]: readonly [MetricName, number],
): Promise<void> {
  await until(`${threshold} of ${metric}`, async () => {
    const lines = [...(await stack.logged()), ...(await stack.loggedByWorkers())];
    const values = lines
      .filter((line) => line.includes(jobId))
      .flatMap(embedded)
      .filter((datum) => datum.metric === metric)
      .map(({ value }) => value);
    return values.reduce((sum, value) => sum + value, 0) >= threshold;
  });
}

/** DynamoDB throttles every call of functions and workers for 30 seconds; its own metric is what the alarm watches. */
const throttling: Drill = async (stack) => {
  const drill = 'throttling';
  const jobId = await stack.post(drill);
  await stack.asked(drill);
  stack.proxy.decide(() => 'throttled');
  await sleep(30_000);
  stack.proxy.decide(() => 'answered');
  expect(stack.proxy.throttled.length).toBeGreaterThan(0);
  const figure = await stack.expectWhole(drill, jobId);
  return `${stack.proxy.throttled.length} calls throttled; ${figure}`;
};

/** The artifact store takes no writes for some seconds; workers keep what they were answered, try again, and log a warning. */
const artifactStore: Drill = async (stack) => {
  const drill = 'artifact-store';
  const artifacts = path.join(stack.dataFolder, 'artifacts');
  const jobId = await stack.post(drill);
  await stack.asked(drill);
  execFileSync('mount', ['--bind', artifacts, artifacts]);
  execFileSync('mount', ['-o', 'remount,ro,bind', artifacts]);
  await sleep(4000);
  execFileSync('umount', ['--lazy', artifacts]);
  await retryWhatFailed(stack, jobId);
  const figure = await stack.expectWhole(drill, jobId);
  await counted(stack, jobId, ['UnsavedArtifacts', NAMES.length]);
  return figure;
};

/** The process of the engine, the functions and the API is killed; the canary's request to /health fails. */
const engineKilled: Drill = async (stack) => {
  const drill = 'engine-killed';
  const jobId = await stack.post(drill);
  await stack.asked(drill, 2);
  await stack.kill();
  await expect(fetch(`${stack.fleet.stack.api}/health`)).rejects.toThrow();
  await stack.revive();
  const figure = await stack.expectWhole(drill, jobId);
  const { events } = await stack.fleet.sfn.send(
    new GetExecutionHistoryCommand({ executionArn: stack.fleet.executionArn(jobId) }),
  );
  expect(events!.map(({ type }) => type)).toContain('ExecutionRedriven');
  return figure;
};

/** Another job has all places of Batch; jobs wait as RUNNABLE, which Batch reports as a blocked queue. */
const noCapacity: Drill = async (stack) => {
  const drill = 'no-capacity';
  stack.interrupt = async (request) =>
    JSON.stringify(request.messages[0]).includes('(drill hog)') ? { stall: true } : undefined;
  const hog = await stack.post('hog');
  await stack.asked('hog', NAMES.length);
  const jobId = await stack.post(drill);
  await until('a queue that is blocked', async () => {
    const jobs = await stack.fleet.batchJobs(jobId);
    return jobs.length === NAMES.length && jobs.every(({ status }) => status === 'RUNNABLE');
  });
  await stack.fleet.call('POST', `/jobs/${hog}/cancel`);
  const figure = await stack.expectWhole(drill, jobId);
  stack.interrupt = () => undefined;
  return figure;
};

/** GitHub refuses connections for some seconds, while repositories are cloned and pull requests are opened. */
const gitHubDown: Drill = async (stack) => {
  const drill = 'github-down';
  await stack.gitHubDown();
  const jobId = await stack.post(drill);
  await sleep(5000);
  await stack.gitHubUp();
  await stack.asked(drill, 2);
  await stack.gitHubDown();
  await sleep(5000);
  await stack.gitHubUp();
  await retryWhatFailed(stack, jobId);
  await publishWhatIsLeft(stack, jobId);
  return stack.expectWhole(drill, jobId);
};

/** Claude is overloaded for longer than a worker waits; repositories wait without one, and their rows say so. */
const claudeDown: Drill = async (stack) => {
  const drill = 'claude-down';
  let isDown = true;
  stack.interrupt = async () =>
    isDown ? { status: 529, type: 'overloaded_error', message: 'Overloaded.' } : undefined;
  const jobId = await stack.post(drill);
  await until('repositories that wait for the model', async () => {
    const rows = Object.values(await stack.fleet.rows(jobId));
    return rows.length === NAMES.length && rows.some(({ waiting }) => waiting);
  });
  await counted(stack, jobId, ['UnansweredRequests', NAMES.length]);
  isDown = false;
  const figure = await stack.expectWhole(drill, jobId);
  stack.interrupt = () => undefined;
  return figure;
};

/** The model's service refuses the key: the job fails at once, and a retry with the right key does all of it. */
const wrongKey: Drill = async (stack) => {
  const drill = 'wrong-key';
  stack.interrupt = async () => ({
    ...{ status: 401, type: 'authentication_error', message: 'invalid x-api-key' },
  });
  const jobId = await stack.post(drill);
  const failed = await stack.fleet.ended(jobId);
  expect([failed.status, failed.costUsd ?? 0]).toEqual(['failed', 0]);
  await counted(stack, jobId, ['FailedJobs', 1]);
  stack.interrupt = () => undefined;
  await retryWhatFailed(stack, jobId);
  return stack.expectWhole(drill, jobId);
};

/** The clock of the stack jumps two hours ahead and back; nothing waits for the time that it was ahead. */
const clockJump: Drill = async (stack) => {
  const drill = 'clock-jump';
  const jobId = await stack.post(drill);
  await stack.asked(drill);
  await writeFile(stack.clock, String(2 * 3_600_000));
  await sleep(3000);
  await rm(stack.clock);
  return stack.expectWhole(drill, jobId);
};

/** The disk of the stack is full for some seconds. The stack may end; with space again it goes on where it was. */
const fullDisk: Drill = async (stack) => {
  const drill = 'full-disk';
  const jobId = await stack.post(drill);
  await stack.asked(drill);
  const filler = path.join(stack.dataFolder, '../filler');
  await writeFile(filler, Buffer.alloc(220 * 2 ** 20)).catch(() => {});
  await sleep(5000);
  await rm(filler);
  // A store that has met the full disk may end at its next write only.
  await sleep(2000);
  await stack.revive();
  await retryWhatFailed(stack, jobId);
  await publishWhatIsLeft(stack, jobId);
  return stack.expectWhole(drill, jobId);
};

/** Values that no version writes, in a repository's row and in the job's own, while the job works. */
const poisonedRow: Drill = async (stack) => {
  const drill = 'poisoned-row';
  const jobId = await stack.post(drill);
  await stack.asked(drill);
  const client = new DynamoDBClient({
    ...LOCAL_AWS,
    endpoint: stack.fleet.stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB!,
  });
  const poison = (TableName: string, key: Record<string, string>, name: string) =>
    client.send(
      new UpdateItemCommand({
        TableName,
        Key: Object.fromEntries(Object.entries(key).map(([field, value]) => [field, { S: value }])),
        UpdateExpression: 'SET #name = :poison',
        ExpressionAttributeNames: { '#name': name },
        ExpressionAttributeValues: { ':poison': { S: 'poison' } },
      }),
    );
  const row = { jobId, repositoryName: 'local/one' };
  for (const name of ['tokenUsage', 'attempts', 'costUsd'])
    await poison('cody-batch-local-repositories', row, name);
  await poison('cody-batch-local-jobs', { jobId }, 'counts');
  client.destroy();
  const figure = await stack.expectWhole(drill, jobId);
  expect((await stack.fleet.call('GET', '/jobs')).status).toBe(200);
  await counted(stack, jobId, ['DamagedRows', 1]);
  return figure;
};

/** What the runbook says of a job of which something failed: retry it once the cause is gone. */
async function retryWhatFailed(stack: DrillStack, jobId: string): Promise<void> {
  const job = await stack.fleet.atRest(jobId);
  if (job.counts.failed + job.counts.cancelled === 0) return;
  expect((await stack.fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
}

/** And of pull requests that could not be opened: publish them. */
async function publishWhatIsLeft(stack: DrillStack, jobId: string): Promise<void> {
  await stack.fleet.atRest(jobId);
  const rows = Object.values(await stack.fleet.rows(jobId));
  if (rows.every(({ pullRequest }) => pullRequest?.state === 'open')) return;
  expect((await stack.fleet.call('POST', `/jobs/${jobId}/pull-requests`)).status).toBe(202);
}

export const DRILLS: Readonly<Record<string, Drill>> = {
  'DynamoDB throttles for 30 s': throttling,
  'the artifact store takes no writes': artifactStore,
  'the engine is killed': engineKilled,
  'Batch has no capacity': noCapacity,
  'GitHub is down': gitHubDown,
  'Claude is down': claudeDown,
  'the key is wrong': wrongKey,
  'the clock jumps': clockJump,
  'the disk is full': fullDisk,
  'a row is poisoned': poisonedRow,
};
