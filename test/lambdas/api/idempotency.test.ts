import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fleet } from '../../support/fleet.ts';
import { quickWorker } from '../../support/quick-worker.ts';
import { until } from '../../support/until.ts';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start({ names: [], workerCommand: quickWorker() });
});
afterAll(() => fleet.close());

const BODY = { prompt: 'Edit.', repositories: ['local/one'] };
const post = (key: string, body: object = BODY) =>
  fleet.call('POST', '/jobs', body, { 'idempotency-key': key });
const allJobs = async () =>
  (await fetch(`${fleet.stack.api}/jobs?limit=100`)).json() as Promise<{ jobs: object[] }>;

test('a client that sends its request again gets the job that it already has', async () => {
  const first = await post('again');
  expect(first.status).toBe(201);
  const { jobId, prompt, repositories } = first.json;
  const second = await post('again', { repositories: BODY.repositories, prompt: BODY.prompt });
  expect(second).toMatchObject({ status: 200, json: { jobId, prompt, repositories, run: 1 } });
  const ended = await fleet.ended(jobId);
  expect(await post('again')).toMatchObject({ status: 200, json: { jobId, status: ended.status } });
  expect(Object.keys(await fleet.batchJobs(jobId))).toHaveLength(1);
  expect((await post('another')).json.jobId).not.toBe(jobId);
});

test('a key that was used with another body is refused, and starts no job', async () => {
  const { jobId } = (await post('reused')).json;
  const { jobs } = await allJobs();
  const { status, json } = await post('reused', { ...BODY, prompt: 'Something else.' });
  expect(status).toBe(409);
  expect(json.detail).toContain(jobId);
  expect((await allJobs()).jobs).toHaveLength(jobs.length);
});

test('a repeated request whose job was deleted is refused, and creates no new job', async () => {
  const { jobId } = (await post('deleted')).json;
  await fleet.ended(jobId);
  expect((await fetch(`${fleet.stack.api}/jobs/${jobId}`, { method: 'DELETE' })).status).toBe(204);
  for (let i = 0; i < 3; i++) {
    const { status, json } = await post('deleted');
    expect([status, json.detail]).toEqual([
      410,
      expect.stringContaining(`${jobId}, which was created with this Idempotency-Key, was deleted`),
    ]);
  }
  await until('the removal of its rows', async () => Object.keys(await fleet.rows(jobId)).length === 0);
  expect((await post('deleted')).status).toBe(410);
  expect((await fleet.call('GET', `/jobs/${jobId}`)).status).toBe(404);
  expect((await allJobs()).jobs).not.toContainEqual(expect.objectContaining({ jobId }));
});

test('ten concurrent requests with one key create one job and one execution', async () => {
  const { jobs } = await allJobs();
  const answers = await Promise.all(Array.from({ length: 10 }, () => post('at once')));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
  expect(new Set(answers.map(({ json }) => json.jobId)).size).toBe(1);
  const { jobId } = answers[0]!.json;
  expect(new Set(answers.map(({ json }) => json.executionArn))).toEqual(new Set([fleet.executionArn(jobId)]));
  expect((await allJobs()).jobs).toHaveLength(jobs.length + 1);
  await fleet.ended(jobId);
  expect(await fleet.batchJobs(jobId)).toHaveLength(1);
});

test.each([
  ['an empty one', ''],
  ['one of 256 characters', 'k'.repeat(256)],
  ['one that is not ASCII', 'ключ'],
])('a key that does not fit (%s) is refused, and starts nothing', async (_what, key) => {
  const { jobs } = await allJobs();
  // Header values travel as Latin-1.
  const { status, json } = await post(Buffer.from(key).toString('latin1'));
  expect(status).toBe(400);
  expect(json.errors).toMatchObject([
    { field: 'Idempotency-Key', expected: '1 to 255 printable ASCII characters' },
  ]);
  expect((await allJobs()).jobs).toHaveLength(jobs.length);
});
