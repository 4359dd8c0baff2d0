import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fleet, repositoryOfRequest, writeAndSubmit } from '../../support/fleet.ts';
import { until } from '../../support/until.ts';

let fleet: Fleet;
/** Resolves when the model may answer about the repository `slow`. */
let slow = Promise.withResolvers<void>();

beforeAll(async () => {
  fleet = await Fleet.start({
    names: ['one', 'two', 'slow'],
    script: async (request) => {
      if (repositoryOfRequest(request) === 'slow') await slow.promise;
      return writeAndSubmit(request);
    },
  });
});
afterAll(() => fleet.close());

const ask = (jobId: string, body: object, key?: string) =>
  fleet.call('POST', `/jobs/${jobId}/pull-requests`, body, key ? { 'idempotency-key': key } : {});

const ended = (jobId: string, name: string) =>
  until(`the end of ${name}`, async () => (await fleet.rows(jobId))[name]?.status === 'completed');

test('pull requests that are asked for while the job runs are opened by that run, once, each as it was asked for', async () => {
  const jobId = await fleet.post(['one', 'two', 'slow']);
  await ended(jobId, 'one');
  const draft = { repositories: ['local/one'], pullRequest: { draft: true } };
  const matching = { outcome: 'changed' };
  expect(await ask(jobId, matching)).toMatchObject({ status: 202, json: { run: 1, status: 'processing' } });
  const answers = await Promise.all(Array.from({ length: 3 }, () => ask(jobId, draft, 'draft')));
  expect(answers.map(({ json }) => json.run)).toEqual([1, 1, 1]);
  expect(await ask(jobId, draft, 'draft')).toMatchObject({ status: 200, json: { run: 1 } });
  expect((await ask(jobId, matching, 'draft')).status).toBe(409);
  expect((await ask(jobId, { repositories: ['local/none'] })).status).toBe(400);

  slow.resolve();
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({ run: 1, status: 'completed', pullRequests: { open: 3, failed: 0 } });
  const rows = await fleet.rows(jobId);
  expect([rows.one, rows.two, rows.slow].map((row) => row!.pullRequest!.draft)).toEqual([true, false, false]);
  // The key still stands for the run that opened them.
  expect(await ask(jobId, draft, 'draft')).toMatchObject({ status: 200, json: { run: 1 } });
  expect((await ask(jobId, matching)).status).toBe(409);
});

test('a run that has listed its pull requests takes no more, and one that was cancelled leaves the key unused', async () => {
  slow = Promise.withResolvers<void>();
  const jobId = await fleet.post(['one', 'two'], { createPullRequests: true, pullRequest: { perHour: 1 } });
  // The second of them waits for an hour.
  await until('a slot', async () =>
    Object.values(await fleet.rows(jobId)).some(({ phase }) => phase === 'waitingForSlot'),
  );
  expect(await ask(jobId, { outcome: 'changed' })).toMatchObject({
    status: 409,
    json: { detail: expect.stringContaining('takes no more') },
  });
  const merge = await fetch(`${fleet.stack.api}/jobs/${jobId}/pull-requests`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"operation":"merge"}' },
  });
  const { detail } = (await merge.json()) as { detail: string };
  expect([merge.status, detail]).toEqual([
    409,
    expect.stringMatching(/2 pull requests, at 1 an hour, so it ends about 20/),
  ]);
  expect(Number(merge.headers.get('retry-after'))).toBeGreaterThan(3000);
  expect((await fleet.call('POST', `/jobs/${jobId}/cancel`)).status).toBe(200);

  const other = await fleet.post(['two', 'slow']);
  await ended(other, 'two');
  const body = { repositories: ['local/two'] };
  expect((await ask(other, body, 'again')).status).toBe(202);
  expect((await fleet.call('POST', `/jobs/${other}/cancel`)).status).toBe(200);
  expect(await ask(other, body, 'again')).toMatchObject({ status: 202, json: { run: 2, action: 'publish' } });
  expect(await fleet.ended(other)).toMatchObject({ run: 2, pullRequests: { open: 1 } });
});
