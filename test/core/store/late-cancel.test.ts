import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsOf } from '../../../core/job.ts';
import type { JobControl } from '../../../core/store/job-control.ts';
import type { JobTable } from '../../../core/store/job-table.ts';
import type { RepositoryTable } from '../../../core/store/repository-table.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestTables } from '../../support/stores.ts';

const NAME = 'local/one';

let jobs: JobTable;
let control: JobControl;
let rows: RepositoryTable;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ jobs, control, rows, close } = await openTestTables());
});
afterAll(() => close());

/** A job whose run 1 was cancelled, and whose run 2 has just started. */
async function retriedJob(): Promise<string> {
  const job = jobRow();
  const { jobId } = job;
  await jobs.create(job);
  await rows.createPending(jobId, [NAME], AT);
  expect(await jobs.cancel(jobId, 1, AT)).toBe(true);
  await control.stop(jobId, 1, 'cancelled');
  expect(await control.reserve(jobId, 0.1, 1)).toBe(false);
  await rows.endUnfinished(jobId, NAME, 1, { status: 'cancelled', completedAt: AT });
  expect(await jobs.reserveRun(jobId, 1, { action: 'analyze' }, AT)).toBe(true);
  await rows.resetForRun(await rows.get(jobId, NAME), 2, AT);
  await control.openRun(jobId, 2);
  return jobId;
}

test('late writes of a cancel change nothing of the run that a retry started', async () => {
  const jobId = await retriedJob();
  const [job, row] = [await jobs.get(jobId), await rows.get(jobId, NAME)];

  await control.stop(jobId, 1, 'cancelled');
  expect(await jobs.cancel(jobId, 1, AT)).toBe(false);
  expect(await rows.endUnfinished(jobId, NAME, 1, { status: 'cancelled', completedAt: AT })).toBe(false);
  await jobs.recordTotals(
    jobId,
    1,
    { counts: countsOf({ cancelled: 1 }), tokenUsage: NO_TOKENS, costUsd: 0 },
    AT,
  );
  await jobs.recordCounts(jobId, 1, countsOf({ cancelled: 1 }), AT);

  expect(await jobs.get(jobId)).toEqual(job);
  expect(await rows.get(jobId, NAME)).toEqual(row);
  expect(await control.stoppedBy(jobId)).toBeUndefined();
  expect(await control.reserve(jobId, 0.1, 1)).toBe(true);
});

test('a cancel of the new run holds, even if the retry that started it is still running', async () => {
  const jobId = await retriedJob();
  expect(await jobs.cancel(jobId, 2, AT)).toBe(true);
  await control.stop(jobId, 2, 'cancelled');
  await control.openRun(jobId, 2);
  expect(await control.stoppedBy(jobId)).toBe('cancelled');
  expect(await control.reserve(jobId, 0.1, 1)).toBe(false);
});

test('counts of a running job do not replace its final counts', async () => {
  const jobId = await retriedJob();
  await jobs.cancel(jobId, 2, AT);
  const totals = { counts: countsOf({ cancelled: 1 }), tokenUsage: NO_TOKENS, costUsd: 0 };
  await jobs.recordTotals(jobId, 2, totals, AT);
  await jobs.recordCounts(jobId, 2, countsOf({ processing: 1 }), AT);
  expect((await jobs.get(jobId)).counts).toEqual(totals.counts);
});
