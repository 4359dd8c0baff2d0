import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsOf } from '../../../core/job.ts';
import { reportStuckJob } from '../../../lambdas/run/stuck-job.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { keepLog } from '../../support/keep-log.ts';
import { embedded } from '../../support/metric-data.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

process.env.METRICS_NAMESPACE = 'CodyBatch/test';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables?.close());

const hoursAfter = (hours: number) => new Date(Date.parse(AT) + hours * 3_600_000).toISOString();

/** How many stuck jobs are counted when a job is looked at so many hours after it was made. */
async function countedAfter(jobId: string, hours: number): Promise<number> {
  const written = keepLog();
  await reportStuckJob(jobId, { ...tables.stores, now: () => hoursAfter(hours) });
  const data = written.flatMap(embedded);
  return data.filter(({ metric }) => metric === 'StuckJobs').length;
}

test('a job counts as stuck after hours without a change, and not while a repository works or waits', async () => {
  const { jobs, rows } = tables;
  const names = ['local/a', 'local/b'];
  const job = jobRow({ status: 'processing', counts: countsOf({ pending: names.length }) });
  const { jobId } = job;
  await jobs.create(job);
  await rows.createPending(jobId, names, AT);
  expect(await countedAfter(jobId, 1)).toBe(0);
  expect(await countedAfter(jobId, 3)).toBe(1);

  // A wait for a slot that lies ahead.
  await rows.recordSlotWait(jobId, 'local/a', hoursAfter(20), AT);
  expect(await countedAfter(jobId, 3)).toBe(0);
  expect(await countedAfter(jobId, 23)).toBe(1);

  await rows.endUnfinished(jobId, 'local/b', 1, { status: 'completed', completedAt: hoursAfter(22) });
  expect(await countedAfter(jobId, 23)).toBe(0);

  await jobs.end(jobId, 1, { status: 'completed', at: hoursAfter(23), counts: job.counts } as never);
  expect(await countedAfter(jobId, 99)).toBe(0);
});
