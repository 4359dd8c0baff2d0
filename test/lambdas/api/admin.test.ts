import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ListMapRunsCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LOCAL_AWS } from '../../support/aws-clients.ts';
import { Fleet } from '../../support/fleet.ts';
import { quickWorker } from '../../support/quick-worker.ts';
import { cody } from '../../support/stack.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

let fleet: Fleet;
/** Has `stalled-NAME` for each repository whose worker is to hang, and `asked-NAME` once its worker runs. */
let folder: TemporaryFolder;

const NAMES = ['one', 'two', 'three', 'four'];

beforeAll(async () => {
  folder = await temporaryFolder();
  const hangs = `
name="\${2#local/}"
touch "${folder.path}/asked-$name"
while [ -e "${folder.path}/stalled-$name" ]; do sleep 0.2; done`;
  fleet = await Fleet.start({ names: [], concurrency: 4, workerCommand: quickWorker(hangs) });
});
afterAll(async () => {
  await fleet.close();
  await folder.remove();
});

const fileOf = (what: 'stalled' | 'asked', name: string) => path.join(folder.path, `${what}-${name}`);

/** Lets the workers of these repositories hang, until `letGo`. */
function stall(names: readonly string[]): void {
  for (const name of names) {
    rmSync(fileOf('asked', name), { force: true });
    writeFileSync(fileOf('stalled', name), '');
  }
}

function letGo(): void {
  for (const name of NAMES) rmSync(fileOf('stalled', name), { force: true });
}

// biome-ignore lint/suspicious/noExplicitAny: the bodies differ by route
const admin = async (method: string, route: string, body?: object): Promise<{ status: number; json: any }> =>
  fleet.call(method, `/admin${route}`, body);
const audit = async () => (await admin('GET', '/audit')).json.lines;

/** A job of one repository whose worker hangs. */
async function hangingJob(name: string): Promise<string> {
  stall([name]);
  const jobId = await fleet.post([name]);
  await until('its worker', () => existsSync(fileOf('asked', name)));
  return jobId;
}

const openTables = () =>
  new DynamoDBClient({ ...LOCAL_AWS, endpoint: fleet.stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB! });

async function editStatus(jobId: string, status: string): Promise<void> {
  const client = openTables();
  await client.send(
    new UpdateItemCommand({
      TableName: 'cody-batch-local-jobs',
      Key: { jobId: { S: jobId } },
      UpdateExpression: 'SET #status = :status',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ':status': { S: status } },
    }),
  );
  client.destroy();
}

test('while an environment is drained no run starts, those under way end, and the audit log says who did it', async () => {
  const running = await hangingJob('one');
  const drained = await admin('POST', '/drain', { reason: 'a new deployment' });
  expect(drained).toMatchObject({
    status: 200,
    json: { after: { drained: { reason: 'a new deployment' } } },
  });
  expect((await admin('POST', '/drain')).status).toBe(409);

  const body = { prompt: 'Edit.', repositories: ['local/two'] };
  const response = await fetch(`${fleet.stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '60']);
  expect(await response.json()).toMatchObject({
    type: 'urn:cody-batch:problem:drained',
    detail: expect.stringContaining('a new deployment'),
  });
  // What only looks, and what ends a run, goes on.
  expect((await fleet.call('POST', '/jobs?dryRun=true', body)).status).toBe(200);
  expect((await fleet.call('POST', `/jobs/${running}/cancel`)).status).toBe(200);
  await fleet.atRest(running);
  expect((await fleet.call('POST', `/jobs/${running}/retry`)).status).toBe(503);

  expect(await admin('POST', '/resume')).toMatchObject({ status: 200 });
  expect((await admin('POST', '/resume')).status).toBe(409);
  letGo();
  expect((await fleet.call('POST', `/jobs/${running}/retry`)).status).toBe(202);
  expect((await fleet.ended(running)).status).toBe('completed');
  expect((await audit()).slice(0, 4)).toMatchObject([
    { action: 'resume', outcome: 'refused' },
    { action: 'resume', outcome: 'done', before: { drained: { reason: 'a new deployment' } } },
    { action: 'drain', outcome: 'refused', error: expect.stringContaining('already') },
    { action: 'drain', outcome: 'done', reason: 'a new deployment', at: expect.any(String) },
  ]);
});

test('a job that hangs is reset only by force, keeps its cost, and can be retried', async () => {
  const jobId = await hangingJob('two');
  const refused = await admin('POST', `/jobs/${jobId}/reset`);
  expect(refused).toMatchObject({ status: 409, json: { detail: expect.stringContaining('"force": true') } });
  expect(await fleet.execution(jobId)).toBe('RUNNING');

  const reset = await admin('POST', `/jobs/${jobId}/reset`, { force: true, reason: 'it hangs' });
  expect(reset).toMatchObject({ status: 200, json: { execution: 'stopped', after: { status: 'failed' } } });
  const job = await fleet.atRest(jobId);
  expect(job).toMatchObject({ status: 'failed', error: { name: 'JobResetError' }, counts: { cancelled: 1 } });
  expect(await fleet.execution(jobId)).toBe('ABORTED');
  expect((await admin('POST', `/jobs/${jobId}/reset`, { force: true })).status).toBe(409);

  letGo();
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed', run: 2 });
});

test('a job whose row was left behind by its execution is freed without force', async () => {
  const jobId = await hangingJob('two');
  await fleet.sfn.send(new StopExecutionCommand({ executionArn: fleet.executionArn(jobId) }));
  await fleet.atRest(jobId);
  await editStatus(jobId, 'processing');
  expect(await admin('POST', `/jobs/${jobId}/reset`)).toMatchObject({
    status: 200,
    json: { execution: 'ended', before: { status: 'processing', execution: 'ABORTED' } },
  });
  expect((await fleet.job(jobId)).status).toBe('failed');
  letGo();
});

test('an override sets the status of a job at rest, and never that of a running one', async () => {
  const running = await hangingJob('three');
  const refused = await admin('POST', `/jobs/${running}/status`, { status: 'failed', reason: 'no' });
  expect(refused).toMatchObject({ status: 409, json: { detail: expect.stringContaining('would be lost') } });
  expect((await fleet.job(running)).status).toBe('processing');
  expect((await admin('POST', `/jobs/${running}/status`, { status: 'failed' })).status).toBe(400);
  expect((await admin('POST', `/jobs/${running}/status`, { status: 'pending', reason: 'x' })).status).toBe(
    400,
  );
  await fleet.call('POST', `/jobs/${running}/cancel`);
  await fleet.atRest(running);

  const set = await admin('POST', `/jobs/${running}/status`, { status: 'completed', reason: 'by hand' });
  expect(set.json).toMatchObject({ before: { status: 'cancelled' }, after: { status: 'completed' } });
  expect((await fleet.job(running)).status).toBe('completed');
  // A status that no version of the product writes is compared as it is stored.
  await editStatus(running, 'on fire');
  const mended = await admin('POST', `/jobs/${running}/status`, { status: 'failed', reason: 'by hand' });
  expect(mended.json).toMatchObject({ before: { status: 'on fire' } });
  expect(await fleet.job(running)).toMatchObject({
    status: 'failed',
    error: { name: 'StatusOverriddenError', message: expect.stringContaining('by hand') },
  });
  letGo();
});

test('the concurrency of a running job is set in its Map run and on its row', async () => {
  stall(NAMES);
  const jobId = await fleet.post(NAMES, { maxConcurrency: 1 });
  await until('the first worker', () => NAMES.some((name) => existsSync(fileOf('asked', name))));
  await until('its count', async () => (await fleet.job(jobId)).counts.pending === 3);

  expect((await admin('POST', `/jobs/${jobId}/concurrency`, { maxConcurrency: 100_000 })).status).toBe(400);
  expect(await admin('POST', `/jobs/${jobId}/concurrency`, { maxConcurrency: 3 })).toMatchObject({
    status: 200,
    json: { before: { maxConcurrency: 1, ofMapRuns: [1] }, after: { maxConcurrency: 3, mapRuns: 1 } },
  });
  await until('three at once', async () => (await fleet.job(jobId)).counts.processing === 3);
  expect((await fleet.job(jobId)).maxConcurrency).toBe(3);
  const { mapRuns } = await fleet.sfn.send(
    new ListMapRunsCommand({ executionArn: fleet.executionArn(jobId) }),
  );
  expect(mapRuns).toHaveLength(1);
  await fleet.call('POST', `/jobs/${jobId}/cancel`);
  await fleet.atRest(jobId);
  expect((await admin('POST', `/jobs/${jobId}/concurrency`, { maxConcurrency: 2 })).status).toBe(409);
  letGo();
});

test('the slots of a job and of a credential are shown, and freed', async () => {
  const repository = 'local/one';
  const show = () => admin('GET', `/pacing?repository=${repository}`);
  expect((await show()).json.nextSlotAt).toBeUndefined();
  expect((await admin('POST', '/pacing/clear', { repository })).status).toBe(409);
  const { limiter } = (await show()).json;
  const client = openTables();
  const next = Date.now() + 3_600_000;
  await client.send(
    new UpdateItemCommand({
      TableName: 'cody-batch-local-jobs',
      Key: { jobId: { S: `pacing#${limiter}` } },
      UpdateExpression: 'SET nextSlotMs = :next, setAtMs = :now',
      ExpressionAttributeValues: { ':next': { N: String(next) }, ':now': { N: String(Date.now()) } },
    }),
  );
  client.destroy();
  expect((await show()).json.nextSlotAt).toBe(new Date(next).toISOString());
  expect((await admin('POST', '/pacing/clear', { repository })).json.before).toEqual({
    nextSlotAt: new Date(next).toISOString(),
  });
  expect((await show()).json.nextSlotAt).toBeUndefined();
  expect((await admin('GET', '/pacing')).status).toBe(400);
});

test('what only AWS has is refused with what to do here, and no refusal repeats a credential', async () => {
  const here = { status: 409, json: { type: 'urn:cody-batch:problem:not-available-here' } };
  expect(await admin('POST', '/backups')).toMatchObject(here);
  expect(await admin('GET', '/restore-check')).toMatchObject(here);
  const secret = 'a-token-for-no-other-eyes';
  const refused = await admin('POST', '/credentials/GITHUB_TOKEN', { value: secret });
  expect(refused).toMatchObject(here);
  expect(JSON.stringify([refused, await audit()])).not.toContain(secret);
  expect((await admin('POST', '/credentials/PATH', { value: secret })).status).toBe(400);
});

test('old jobs are deleted by age, and a page of the audit log leads to the next', async () => {
  const { api } = fleet.stack;
  const { jobs } = (await fleet.call('GET', '/jobs?limit=100')).json as unknown as {
    jobs: { jobId: string }[];
  };
  const dry = await admin('POST', '/cleanup', { olderThanDays: 0, dryRun: true });
  expect(dry.json.jobs.toSorted()).toEqual(jobs.map(({ jobId }) => jobId).sort());
  expect((await admin('POST', '/cleanup', { olderThanDays: 1 })).json).toMatchObject({ jobs: [] });

  const run = await cody(['admin', 'cleanup', '--older-than', '0d', '--limit', '2', '--yes'], {
    CODY_BATCH_API: api,
  });
  expect([run.status, run.stderr, run.stdout]).toEqual([
    0,
    '',
    expect.stringContaining('2 jobs are deleted'),
  ]);
  const left = (await fleet.call('GET', '/jobs?limit=100')).json as unknown as { jobs: unknown[] };
  expect(left.jobs).toHaveLength(jobs.length - 2);

  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const { json } = await admin('GET', `/audit?limit=4${cursor ? `&cursor=${cursor}` : ''}`);
    seen.push(...json.lines.map(({ auditId }: { auditId: string }) => auditId));
    cursor = json.cursor;
  } while (cursor);
  expect(seen.length).toBeGreaterThan(8);
  expect(seen).toEqual([...new Set(seen)].sort().reverse());
  expect((await admin('GET', '/audit?cursor=forged')).status).toBe(400);
});
