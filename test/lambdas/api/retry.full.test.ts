import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { COST_OF_USAGE, Fleet, repositoryOfRequest, USAGE, writeAndSubmit } from '../../support/fleet.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

let fleet: Fleet;
/** Has a program that only workers of the image `tools` find. */
let tools: Awaited<ReturnType<typeof temporaryFolder>>;
/** What the model does at a repository; by default it writes a file and submits. */
const behaviour = new Map<string, 'refuses' | 'stalls' | 'stallsLater'>();
/** The judge's decision about every change, in jobs that have a judge. */
let decision: 'approve' | 'reject' = 'reject';

beforeAll(async () => {
  tools = await temporaryFolder();
  await writeFile(path.join(tools.path, 'only-in-tools'), '#!/bin/sh\n', { mode: 0o755 });
  fleet = await Fleet.start({
    settings: { LOCAL_IMAGES: JSON.stringify({ tools: tools.path }) },
    names: ['good', 'bad', 'slow'],
    script: (request) => {
      if (request.output_config?.format) {
        const judgement = JSON.stringify({ reasons: [], risk: 'high', decision });
        return { usage: USAGE, content: [{ type: 'text', text: judgement }] };
      }
      const mood = behaviour.get(repositoryOfRequest(request));
      if (mood === 'stalls' || (mood === 'stallsLater' && request.messages.length > 1))
        return { stall: true };
      if (mood === 'refuses' && request.messages.length > 1)
        return { status: 403, type: 'permission_error', message: 'not for you' };
      return writeAndSubmit(request);
    },
  });
});
afterAll(async () => {
  await fleet.close();
  await tools.remove();
});

const retry = (jobId: string, body?: object) => fleet.call('POST', `/jobs/${jobId}/retry`, body);
const cancel = (jobId: string) => fleet.call('POST', `/jobs/${jobId}/cancel`);

test('a retry leaves out what the judge rejected, unless it is named', async () => {
  const jobId = await fleet.post(['good', 'bad'], { settings: { judge: {} } });
  expect(await fleet.ended(jobId)).toMatchObject({ counts: { failed: 2 }, costUsd: 6 * COST_OF_USAGE });
  expect(await retry(jobId)).toMatchObject({
    status: 409,
    json: { detail: expect.stringContaining('The judge rejected') },
  });
  decision = 'approve';
  expect((await retry(jobId, { repositories: ['local/good'] })).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({
    counts: { completed: 1, failed: 1 },
    costUsd: expect.closeTo(9 * COST_OF_USAGE, 9),
  });
  const { good, bad } = await fleet.rows(jobId);
  expect(good).toMatchObject({
    run: 2,
    outcome: 'changed',
    risk: 'high',
    judgement: { decision: 'approve' },
  });
  expect(bad).toMatchObject({ run: 1, outcome: 'gaveUp', judgement: { decision: 'reject' } });
});

test('a retry repeats failed repositories, keeps completed ones, and adds the usage of both runs', async () => {
  behaviour.set('bad', 'refuses');
  const jobId = await fleet.post(['good', 'bad']);
  expect(await fleet.ended(jobId)).toMatchObject({
    status: 'completed',
    counts: { completed: 1, failed: 1 },
  });
  const first = await fleet.rows(jobId);
  expect(first.bad).toMatchObject({ status: 'failed', turns: 1, costUsd: COST_OF_USAGE });
  expect(first.bad).toHaveProperty('errorShape', expect.stringContaining('1:ModelRequestError: '));
  expect(first.good).not.toHaveProperty('errorShape');

  behaviour.delete('bad');
  const { status, json } = await retry(jobId);
  expect({ status, json }).toMatchObject({
    status: 202,
    json: { jobId, run: 2, status: expect.stringMatching(/pending|processing/) },
  });
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({
    run: 2,
    status: 'completed',
    counts: { total: 2, completed: 2, failed: 0 },
    costUsd: 5 * COST_OF_USAGE,
    tokenUsage: { total: 5 * 1200 },
    executionArn: fleet.executionArn(jobId, 2),
  });
  const second = await fleet.rows(jobId);
  expect(second.good).toEqual(first.good);
  expect(second.bad).toMatchObject({
    run: 2,
    status: 'completed',
    outcome: 'changed',
    turns: 2,
    attempts: 1,
    costUsd: 3 * COST_OF_USAGE,
    earlierRuns: { costUsd: COST_OF_USAGE },
  });
  expect(second.bad).not.toHaveProperty('error');
  expect(second.bad).not.toHaveProperty('errorShape');
  expect(await fleet.execution(jobId, 2)).toBe('SUCCEEDED');
  expect(await fleet.execution(jobId, 1)).toBe('SUCCEEDED');
  const jobsOf = (await fleet.batchJobs(jobId)).map(({ jobName }) => jobName!.slice(jobId.length));
  expect(jobsOf.sort()).toEqual(['-1-local_bad', '-1-local_good', '-2-local_bad']);
  expect(await fleet.control(jobId)).toMatchObject({ reservedUsd: expect.closeTo(5 * COST_OF_USAGE, 6) });
  expect(await fleet.temporaryFolders()).toEqual([]);

  const { runs } = (await fleet.call('GET', `/jobs/${jobId}/runs?include=text`)).json;
  expect(runs).toMatchObject([
    {
      run: 2,
      kind: 'retry',
      status: 'completed',
      prompt: 'Edit.',
      executionArn: fleet.executionArn(jobId, 2),
    },
    {
      run: 1,
      kind: 'create',
      status: 'completed',
      prompt: 'Edit.',
      executionArn: fleet.executionArn(jobId, 1),
    },
  ]);
  expect(runs).toMatchObject([
    { counts: { total: 1, completed: 1 }, tokenUsage: { total: 2 * 1200 } },
    { counts: { total: 2, completed: 1, failed: 1 }, tokenUsage: { total: 3 * 1200 } },
  ]);
  expect(runs.map(({ costUsd }) => costUsd)).toEqual([2 * COST_OF_USAGE, 3 * COST_OF_USAGE]);
  const page = (await fleet.call('GET', `/jobs/${jobId}/runs?limit=1`)).json;
  expect(page).toMatchObject({ runs: [{ run: 2 }], cursor: '1' });
  expect((await fleet.call('GET', `/jobs/${jobId}/runs?limit=1&cursor=1`)).json.runs).toMatchObject([
    { run: 1 },
  ]);
  expect((await fleet.call('GET', `/jobs/${jobId}/runs?cursor=3`)).status).toBe(400);

  const third = await retry(jobId);
  expect(third).toMatchObject({
    status: 409,
    json: { detail: expect.stringContaining('nothing to retry') },
  });
  expect(await fleet.job(jobId)).toMatchObject({ run: 2, status: 'completed' });
});

test('a running job cannot be retried; a cancelled one can, for the repositories that the cancel stopped', async () => {
  behaviour.set('slow', 'stallsLater');
  const jobId = await fleet.post(['good', 'slow']);
  await until('the first answer', async () => {
    const rows = await fleet.rows(jobId);
    return rows.good?.status === 'completed' && rows.slow?.turns === 1;
  });
  expect(await retry(jobId)).toMatchObject({
    status: 409,
    json: {
      detail: expect.stringMatching(/cannot run again while it runs.*run 1, create.*1 of its 2 repositories/),
    },
  });
  const good = (await fleet.rows(jobId)).good;
  expect((await cancel(jobId)).status).toBe(200);
  expect(await fleet.control(jobId)).toMatchObject({ stoppedBy: 'cancelled' });

  // Cancelled again in its second run, so that a third one adds up three bills.
  expect((await retry(jobId)).status).toBe(202);
  await until('the first answer of run 2', async () => {
    const { slow } = await fleet.rows(jobId);
    return slow?.run === 2 && slow.turns === 1;
  });
  expect((await cancel(jobId)).json).toMatchObject({ run: 2, status: 'cancelled' });
  expect(await fleet.atRest(jobId)).toMatchObject({
    run: 2,
    status: 'cancelled',
    counts: { completed: 1, cancelled: 1 },
    costUsd: 4 * COST_OF_USAGE,
  });

  behaviour.delete('slow');
  expect((await retry(jobId)).status).toBe(202);
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({
    run: 3,
    status: 'completed',
    counts: { total: 2, completed: 2, cancelled: 0 },
    costUsd: 6 * COST_OF_USAGE,
  });
  expect(job).not.toHaveProperty('cancelledAt');
  const rows = await fleet.rows(jobId);
  expect(rows.good).toEqual(good);
  expect(rows.slow).toMatchObject({ status: 'completed', run: 3, costUsd: 4 * COST_OF_USAGE });
  expect(await fleet.control(jobId)).not.toHaveProperty('stoppedBy');
});

test('a retry takes the repositories that it names or that match, with another budget, and leaves the others', async () => {
  behaviour.set('bad', 'refuses');
  behaviour.set('slow', 'refuses');
  const jobId = await fleet.post(['good', 'bad', 'slow']);
  await fleet.ended(jobId);
  const before = await fleet.rows(jobId);
  for (const body of [
    { repositories: ['local/good'] },
    { outcome: 'unchanged' },
    { maxCostUsd: 0.000001 },
    { repositories: ['local/bad'], maxCostUsd: 0.000001 },
  ])
    expect([body, (await retry(jobId, body)).status]).toEqual([body, 409]);
  for (const body of [
    { repositories: ['local/bad'], outcome: 'failed' },
    { repositories: ['local/other'] },
    { end: 'some' },
    { settings: { shell: true } },
  ])
    expect([body, (await retry(jobId, body)).status]).toEqual([body, 400]);
  behaviour.clear();

  const model = 'claude-opus-5-5';
  const named = { repositories: ['LOCAL/bad'], settings: { maxTurns: 1, model }, maxCostUsd: 60 };
  expect((await retry(jobId, named)).status).toBe(202);
  const second = await fleet.ended(jobId);
  expect(second).toMatchObject({ run: 2, maxCostUsd: 60, settings: { maxTurns: 1, model } });
  const rows = await fleet.rows(jobId);
  expect(rows.bad).toMatchObject({ run: 2, end: 'maxTurns' });
  expect([rows.good, rows.slow]).toEqual([before.good, before.slow]);

  const matching = { end: 'maxTurns', settings: { maxTurns: 9 } };
  expect((await retry(jobId, matching)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ run: 3, counts: { completed: 2, failed: 1 } });
  expect((await fleet.rows(jobId)).slow).toEqual(before.slow);
  const { runs } = (await fleet.call('GET', `/jobs/${jobId}/runs?include=text`)).json;
  expect(runs).toMatchObject([
    { selected: 1, selection: ['local/bad'], settings: { maxTurns: 9 } },
    { selected: 1, selection: ['local/bad'], settings: { maxTurns: 1 } },
    { run: 1 },
  ]);
  expect(runs[2]).not.toHaveProperty('selected');
});

test('an unknown job cannot be retried', async () => {
  expect(await retry('job-01ARZ3NDEKTSV4RRFFQ69G5FAV')).toMatchObject({ status: 404 });
});

test('a job works with the toolchain of its image, and so do its retry and its revision', async () => {
  behaviour.set('bad', 'refuses');
  const settings = { image: 'tools', verify: ['only-in-tools'], verifyBaseline: false };
  const jobId = await fleet.post(['bad'], { settings });
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'failed', settings: { image: 'tools' } });
  behaviour.delete('bad');
  expect((await retry(jobId)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ run: 2, counts: { completed: 1 } });
  const revision = { instruction: 'Again.', repositories: ['local/bad'], settings: { maxTurns: 9 } };
  expect((await fleet.call('POST', `/jobs/${jobId}/revise`, revision)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ run: 3, settings: { image: 'tools' } });
  const definitions = (await fleet.batchJobs(jobId)).map(({ jobDefinition }) => jobDefinition);
  const ofImage = expect.stringMatching(/job-definition\/cody-batch-local-job-definition-tools:1$/);
  expect(definitions).toEqual([ofImage, ofImage, ofImage]);

  const without = await fleet.post(['good'], { settings: { ...settings, image: undefined } });
  expect(await fleet.ended(without)).toMatchObject({ settings: { image: 'default' }, counts: { failed: 1 } });
  const { limits } = (await fleet.call('GET', '/me')).json as unknown as { limits: object };
  expect(limits).toMatchObject({ workerImages: ['default', 'tools'] });
});
