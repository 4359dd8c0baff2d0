import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AT } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

test('forty pull requests of one credential get forty slots, one interval apart', async () => {
  const { rateSlots } = tables;
  const now = Date.parse(AT);
  const slots = await Promise.all(Array.from({ length: 40 }, () => rateSlots.reserve('one', 3600, now)));
  expect(slots.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => now + i * 1000));
  expect(await rateSlots.reserve('one', 3600, now + 60_000)).toBe(now + 60_000);
});

test('after a clock that was ahead is corrected, no pull request waits for the difference', async () => {
  const { rateSlots } = tables;
  const now = Date.parse(AT);
  const ahead = now + 8 * 86_400_000;
  expect(await rateSlots.reserve('ahead', 400, ahead)).toBe(ahead);
  expect(await rateSlots.reserve('ahead', 400, ahead)).toBe(ahead + 9000);
  // Only the two reserved slots count.
  expect(await rateSlots.reserve('ahead', 400, now)).toBe(now + 18_000);
  expect(await rateSlots.reserve('ahead', 400, now)).toBe(now + 27_000);

  await rateSlots.blockUntil('held ahead', ahead + 60_000, ahead);
  await rateSlots.blockUntil('held ahead', now + 30_000, now);
  expect(await rateSlots.reserve('held ahead', 400, now)).toBe(now + 60_000);
});

test('slots that a correct clock reserved far ahead stay reserved', async () => {
  const { rateSlots } = tables;
  const now = Date.parse(AT);
  const slots = [];
  for (let i = 0; i < 4; i++) slots.push(await rateSlots.reserve('hourly', 1, now + i * 1000));
  expect(slots).toEqual([0, 1, 2, 3].map((hours) => now + hours * 3_600_000));
});
