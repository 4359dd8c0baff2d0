import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AT } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

test('twenty requests with one idempotency key get the job of the first one, for a day', async () => {
  const { idempotencyKeys } = tables;
  const claim = (i: number, at = AT) =>
    idempotencyKeys.claim('key', { boundJobId: `job-${i}`, fingerprint: `print-${i}` }, at);
  const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => claim(i)));
  expect(new Set(claims.map(({ boundJobId }) => boundJobId)).size).toBe(1);
  const [first] = claims;
  expect(await claim(21)).toMatchObject(first!);
  expect(await claim(22, '2026-11-23T00:00:01.000Z')).toMatchObject({ boundJobId: 'job-22' });
});
