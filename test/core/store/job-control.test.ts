import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newJobId } from '../../../core/job.ts';
import { jobRow } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

test('fifty racing workers never reserve more than the job’s cap, and a stopped job reserves nothing', async () => {
  const { control } = tables;
  const { jobId } = jobRow();
  const reserve = () => control.reserve(jobId, 0.07, 1);
  const reserved = await Promise.all(Array.from({ length: 50 }, reserve));
  expect(reserved.filter(Boolean)).toHaveLength(14);
  await control.settle(jobId, { reservedUsd: 0.07, spentUsd: 0.01 });
  expect(await reserve()).toBe(true);
  expect(await reserve()).toBe(false);
  await control.settleAll(jobId, 1, 0);
  await control.stop(jobId, 1, 'jobCost');
  await control.stop(jobId, 1, 'cancelled');
  expect(await control.stoppedBy(jobId)).toBe('jobCost');
  expect(await reserve()).toBe(false);
  await control.settle(newJobId(), { reservedUsd: 1, spentUsd: 0 });
});

test('a reservation settles the call before it in the same write, and a refused one settles nothing', async () => {
  const { control } = tables;
  const { jobId } = jobRow();
  expect(await control.reserve(jobId, 0.6, 1)).toBe(true);
  // Of the reserved 0.6 only 0.1 was spent, so 0.8 fits and 0.95 does not.
  const before = { reservedUsd: 0.6, spentUsd: 0.1 };
  expect(await control.reserve(jobId, 0.95, 1, before)).toBe(false);
  expect(await control.get(jobId)).toMatchObject({ spentUsd: 0 });
  expect(await control.reserve(jobId, 0.8, 1, before)).toBe(true);
  expect(await control.get(jobId)).toMatchObject({ spentUsd: 0.1 });
  expect(await control.reserve(jobId, 0.15, 1)).toBe(false);
});

test('one worker of a run checks the key and the model, and a retry checks again', async () => {
  const { control } = tables;
  const { jobId } = jobRow();
  const claims = await Promise.all(Array.from({ length: 20 }, () => control.claimModelCheck(jobId, 1)));
  expect(claims.filter(Boolean)).toHaveLength(1);
  await control.stop(jobId, 1, 'modelRefused', 'No such model.');
  expect(await control.get(jobId)).toMatchObject({
    stoppedBy: 'modelRefused',
    stoppedBecause: 'No such model.',
  });
  await control.openRun(jobId, 2);
  expect(await control.get(jobId)).toMatchObject({ stoppedBy: undefined, stoppedBecause: undefined });
  expect(await control.claimModelCheck(jobId, 2)).toBe(true);
});

test('one worker writes the shared prefix first, and another only after its claim expires or is released', async () => {
  const { control } = tables;
  const { jobId } = jobRow();
  const claim = (claimer: string, at: number) =>
    control.claimSharedPrefix(jobId, claimer, { at, until: at + 20 });
  const claims = await Promise.all(['a', 'b', 'c'].map((claimer) => claim(claimer, 100)));
  expect(claims.filter(Boolean)).toHaveLength(1);
  const first = ['a', 'b', 'c'][claims.indexOf(true)]!;
  expect(await claim(first, 110)).toBe(true);
  expect(await claim('d', 129)).toBe(false);
  expect(await control.sharedPrefix(jobId, 1, 'd')).toEqual({ isWarm: false, claimedUntil: 130 });
  expect(await control.sharedPrefix(jobId, 1, first)).toEqual({ isWarm: false, claimedUntil: 0 });
  expect(await claim('d', 130)).toBe(true);
  await control.releaseSharedPrefix(jobId, first);
  expect(await claim('e', 131)).toBe(false);
  await control.releaseSharedPrefix(jobId, 'd');
  expect(await claim('e', 131)).toBe(true);
  await control.markSharedPrefix(jobId, 1);
  expect(await control.sharedPrefix(jobId, 1, 'a')).toEqual({ isWarm: true, claimedUntil: 0 });
  expect(await control.sharedPrefix(jobId, 2, 'a')).toEqual({ isWarm: false, claimedUntil: 0 });
});
