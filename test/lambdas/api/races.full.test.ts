import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isEnded } from '../../../core/job.ts';
import { Fleet, writeAndSubmit } from '../../fleet.ts';
import { until } from '../../process-tree.ts';
import { seeded } from '../../seeded.ts';

const NAMES = ['one', 'two', 'three'];
const BODY = { prompt: 'Edit.', repositories: NAMES.map((name) => `local/${name}`) };
const ROUNDS = 15;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start({
    names: NAMES,
    script: async (request) => {
      await sleep(100);
      return writeAndSubmit(request);
    },
  });
});
afterAll(() => fleet.close());

/** Everything that can be seen of the job is at rest, and agrees. */
async function expectConsistent(jobId: string, retries: number): Promise<void> {
  await until(`the rest of ${jobId}`, async () => {
    const { status, run } = await fleet.job(jobId);
    const executions = await Promise.all(
      Array.from({ length: run }, (_, i) => fleet.execution(jobId, i + 1)),
    );
    return isEnded(status) && !executions.includes('RUNNING') && fleet.workers(jobId).length === 0;
  });
  // What EventBridge delivers after the end of an execution.
  await sleep(300);
  const [job, rows] = [await fleet.job(jobId), Object.values(await fleet.rows(jobId))];
  expect(job.run).toBe(retries + 1);
  const counted: Record<string, number> = {
    total: rows.length,
    pending: 0,
    processing: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
  };
  for (const { status } of rows) counted[status]! += 1;
  expect(job.counts).toEqual(counted);
  expect(counted).toMatchObject({ pending: 0, processing: 0, failed: 0 });
  // One that was cancelled after its last repository had completed is cancelled all the same.
  if (counted.completed! < NAMES.length) expect(job.status).toBe('cancelled');
  expect(job.costUsd).toBeCloseTo(
    rows.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0),
    6,
  );
  const batch = await fleet.batchJobs(jobId);
  expect(batch.filter(({ status }) => status !== 'SUCCEEDED' && status !== 'FAILED')).toEqual([]);
  expect(new Set(batch.map(({ jobName }) => jobName)).size).toBe(batch.length);
  expect(fleet.workers(jobId)).toEqual([]);
  expect(await fleet.temporaryFolders()).toEqual([]);
}

test.each(Array.from({ length: ROUNDS }, (_, i) => [i + 1]))(
  'cancel, retry and the same request again, raced against each other, leave one consistent job (seed %i)',
  async (seed) => {
    const random = seeded(seed);
    const post = () => fleet.call('POST', '/jobs', BODY, { 'idempotency-key': `race ${seed}` });
    const { jobId } = (await post()).json;
    let retries = 0;
    const ask = async (kind: 'cancel' | 'retry') => {
      const { status } = await fleet.call('POST', `/jobs/${jobId}/${kind}`);
      expect([200, 202, 409]).toContain(status);
      if (status === 202) retries += 1;
      return status;
    };
    // In the middle of whatever the job happens to be doing.
    await sleep(random() * 1500);
    await Promise.all([
      (async () => {
        // Few, so that a retry is often the last: then nothing of an earlier cancel may reach its run.
        for (let i = random() < 0.5 ? 1 : 0; i < 2; i++) {
          await ask('cancel');
          await sleep(random() * 60);
        }
      })(),
      // One of them meets the moment at which the row is cancelled, and little else.
      ...Array.from({ length: 15 }, async (_, i) => {
        await sleep(i * 3 + random() * 3);
        await ask('retry');
      }),
      (async () => {
        for (let i = 0; i < 3; i++) {
          expect(await post()).toMatchObject({ status: 200, json: { jobId } });
          await sleep(random() * 100);
        }
      })(),
    ]);
    await expectConsistent(jobId, retries);

    const again = await fleet.call('POST', `/jobs/${jobId}/retry`);
    if (again.status === 202) retries += 1;
    else expect(again.status).toBe(409);
    expect(await fleet.ended(jobId)).toMatchObject({
      status: 'completed',
      counts: { total: 3, completed: 3 },
    });
    await expectConsistent(jobId, retries);
  },
);
