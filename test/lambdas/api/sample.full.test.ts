import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { COST_OF_USAGE, Fleet, repositoryOfRequest, writeAndSubmit } from '../../support/fleet.ts';
import { until } from '../../support/until.ts';

let fleet: Fleet;
const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** The prompts that the model was asked for, by the repository. */
const asked = new Map<string, Set<string>>();
/** The repository whose second answer the model refuses. */
let broken: string | undefined;

beforeAll(async () => {
  fleet = await Fleet.start({
    names: NAMES,
    script: (request) => {
      const name = repositoryOfRequest(request);
      const text = JSON.stringify(request.messages[0]);
      const prompts = asked.get(name) ?? new Set();
      asked.set(name, prompts.add(/(First|Second) prompt/.exec(text)?.[1] ?? 'none'));
      if (name === broken && request.messages.length > 1)
        return { status: 403, type: 'permission_error', message: 'not for you' };
      return writeAndSubmit(request);
    },
  });
});
afterAll(() => fleet.close());

const REQUEST = { prompt: 'First prompt.' };
const names = (rows: object) => Object.keys(rows).sort();
const continueJob = (jobId: string, body?: object, key?: string) =>
  fleet.call('POST', `/jobs/${jobId}/continue`, body, key ? { 'idempotency-key': key } : {});
const conflict = (detail: string) => ({ status: 409, json: { detail: expect.stringContaining(detail) } });

test('a job runs its sample, waits at no cost, and runs the rest with another prompt when a person continues it', async () => {
  const repositories = NAMES.map((name) => `local/${name}`);
  const request = { ...REQUEST, repositories, sample: 2, createPullRequests: true };
  const created = await fleet.call('POST', '/jobs', request);
  expect(created).toMatchObject({ status: 201, json: { held: 3, counts: { total: 2, pending: 2 } } });
  const { jobId } = created.json;
  const waiting = { status: 'waiting', waitingFor: 'sample', held: 3, counts: { total: 2, completed: 2 } };
  const first = await fleet.ended(jobId);
  expect(first).toMatchObject({ run: 1, ...waiting });
  expect(first).not.toHaveProperty('pullRequests');
  const sample = await fleet.rows(jobId);
  expect(names(sample)).toHaveLength(2);
  const shown = (await fleet.call('GET', `/jobs/${jobId}?include=text&limit=0`)).json;
  const held = NAMES.filter((name) => !(name in sample)).map((name) => `local/${name}`);
  expect(shown).toMatchObject({ heldRepositories: held, prompt: 'First prompt.' });
  const listed = (await fleet.call('GET', '/jobs?status=waiting')).json as unknown as { jobs: object[] };
  expect(listed.jobs).toMatchObject([{ jobId }]);
  expect(await fleet.call('POST', `/jobs/${jobId}/retry`)).toMatchObject(conflict('nothing to retry'));
  expect(await fleet.call('DELETE', `/jobs/${jobId}`)).toMatchObject(conflict('is waiting'));

  expect((await fleet.call('POST', `/jobs/${jobId}/pull-requests`)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ run: 2, ...waiting, pullRequests: { open: 2 } });
  expect(await continueJob(jobId, { maxCostUsd: 0.000001 })).toMatchObject(conflict('has cost'));

  const changed = { prompt: 'Second prompt.', settings: { maxTurns: 7 } };
  const answers = await Promise.all(Array.from({ length: 3 }, () => continueJob(jobId, changed, 'once')));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 202]);
  const last = await fleet.ended(jobId);
  expect(last).toMatchObject({
    ...{ run: 3, status: 'completed', settings: { maxTurns: 7 }, costUsd: 10 * COST_OF_USAGE },
    ...{ counts: { total: 5, completed: 5 }, pullRequests: { open: 5 } },
  });
  for (const gone of ['held', 'waitingFor']) expect(last).not.toHaveProperty(gone);
  const rows = await fleet.rows(jobId);
  for (const name of names(rows)) {
    expect([name, ...asked.get(name)!]).toEqual([name, name in sample ? 'First' : 'Second']);
    expect(rows[name]!.run).toBe(name in sample ? 1 : 3);
  }
  expect((await fleet.call('GET', `/jobs/${jobId}?include=text`)).json.prompt).toBe('First prompt.');
  const { runs } = (await fleet.call('GET', `/jobs/${jobId}/runs?include=text`)).json;
  expect(runs).toMatchObject([
    { kind: 'continue', prompt: 'Second prompt.', status: 'completed', costUsd: 6 * COST_OF_USAGE },
    { kind: 'publish', status: 'waiting', costUsd: 0 },
    { kind: 'create', prompt: 'First prompt.', status: 'waiting', costUsd: 4 * COST_OF_USAGE },
  ]);
  expect(await continueJob(jobId, changed, 'once')).toMatchObject({ status: 200, json: { run: 3 } });
  expect(await continueJob(jobId)).toMatchObject(conflict('holds no repositories back'));
});

test('a sample that was cancelled while it waited is continued, and redone where that is asked for', async () => {
  const jobId = await fleet.post(NAMES, { ...REQUEST, sample: ['LOCAL/b', 'local/a'] });
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'waiting', held: 3, counts: { total: 2 } });
  expect(names(await fleet.rows(jobId))).toEqual(['a', 'b']);
  const cancelled = await fleet.call('POST', `/jobs/${jobId}/cancel`);
  expect(cancelled).toMatchObject({ status: 200, json: { status: 'cancelled', held: 3 } });
  expect(cancelled.json).not.toHaveProperty('waitingFor');
  asked.clear();
  broken = 'b';
  expect((await continueJob(jobId, { prompt: 'Second prompt.', redo: true })).status).toBe(202);
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({ run: 2, status: 'completed', counts: { total: 5, completed: 5 } });
  expect([...asked].map(([name, prompts]) => [name, ...prompts]).sort()).toEqual(
    NAMES.map((name) => [name, 'Second']),
  );
  // Only what completes replaces a result that completed; it is paid for in any case.
  const { a, b } = await fleet.rows(jobId);
  expect(a).toMatchObject({ run: 2, revision: { cameTo: 'same' }, costUsd: 4 * COST_OF_USAGE });
  expect(b).toMatchObject({ run: 2, revision: { cameTo: 'kept' }, costUsd: 3 * COST_OF_USAGE });
  const change = await fetch(`${fleet.stack.api}/jobs/${jobId}/repositories/local/b/diff`);
  expect(await change.text()).toContain('+two');

  // Decisions, requests, records and lists of names are removed with the job.
  const rejection = { decision: 'reject', repositories: ['local/b'] };
  expect((await fleet.call('POST', `/jobs/${jobId}/reviews`, rejection)).status).toBe(200);
  expect((await fleet.send('DELETE', `/jobs/${jobId}`)).status).toBe(204);
  const artifacts = path.join(fleet.stack.dataFolder, 'artifacts/jobs', jobId);
  await until('the removal of everything', async () => {
    const items = await fleet.itemsOf(jobId);
    return items.every(({ deletedAt, stoppedBy }) => deletedAt || stoppedBy) && !existsSync(artifacts);
  });
});

test('a sample of all repositories holds none back, and one of other repositories is refused', async () => {
  const all = await fleet.post(['a', 'b'], { ...REQUEST, sample: 2 });
  const job = await fleet.ended(all);
  expect(job).toMatchObject({ status: 'completed', counts: { total: 2 } });
  expect(job).not.toHaveProperty('held');
  const repositories = ['local/a', 'other/*'];
  for (const sample of [['local/b'], 0, [], ['local/*']]) {
    const refused = await fleet.call('POST', '/jobs', { ...REQUEST, repositories, sample });
    expect([sample, refused.status]).toEqual([sample, 400]);
  }
});
