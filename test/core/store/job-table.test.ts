import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsOf, type JobStatus, newJobId } from '../../../core/job.ts';
import { controlKey } from '../../../core/store/tables.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

const TOTALS = { counts: countsOf({ completed: 1 }), tokenUsage: NO_TOKENS, costUsd: 0.25 };
const cursorOf = (key: unknown) => Buffer.from(JSON.stringify(key)).toString('base64url');

test('a job is written once, and read back unchanged', async () => {
  const { jobs } = tables;
  const job = jobRow({ description: 'naïve – 漢字', costUsd: 0.1 + 0.2, maxCostUsd: 0.000001 });
  expect(await jobs.create(job)).toBe(true);
  expect(await jobs.create({ ...job, name: 'Another' })).toBe(false);
  expect(await jobs.get(job.jobId)).toEqual({ ...job, expiresAt: '2027-02-20T00:00:00.000Z' });
  await expect(jobs.get(newJobId())).rejects.toThrow('There is no job');
});

test('jobs are listed newest first, by status, in pages, without other items of the table', async () => {
  const { jobs, control, idempotencyKeys, rateSlots, ...own } = await openTestTables();
  const days = [1, 2, 3, 4, 5].map((day) => `2026-01-0${day}T00:00:00.000Z`);
  const status = (i: number): JobStatus => (i % 2 === 0 ? 'completed' : 'failed');
  const rows = days.map((createdAt, i) => jobRow({ createdAt, status: status(i) }));
  for (const row of rows) await jobs.create(row);
  await control.stop(rows[0]!.jobId, 1, 'cancelled');
  await idempotencyKeys.claim('key', { boundJobId: 'job', fingerprint: 'print' }, AT);
  await rateSlots.reserve('credential', 60, Date.parse(AT));

  const read = async (options: { status?: JobStatus; limit: number }) => {
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await jobs.list({ ...options, ...(cursor && { cursor }) });
      pages.push(page.jobs.map(({ createdAt }) => createdAt));
      cursor = page.cursor;
    } while (cursor);
    return pages.flat();
  };
  expect(await read({ limit: 2 })).toEqual(days.toReversed());
  expect(await read({ status: 'completed', limit: 1 })).toEqual([days[4], days[2], days[0]]);
  expect(await read({ status: 'cancelled', limit: 10 })).toEqual([]);
  await own.close();
});

test('an invalid cursor is the caller’s mistake, and not a failure of the table', async () => {
  const { jobs } = tables;
  const { jobId } = jobRow();
  const keys = [
    'no base64 of JSON',
    cursorOf(null),
    cursorOf([]),
    cursorOf({}),
    cursorOf({ jobId }),
    cursorOf({ jobId, createdAt: AT }),
    cursorOf({ jobId, createdAt: 7, entity: 'job' }),
    cursorOf({ jobId, createdAt: AT, entity: 'other' }),
    cursorOf({ jobId, createdAt: AT, status: 'failed' }),
    cursorOf({ jobId, createdAt: AT, entity: 'job', more: 1 }),
  ];
  for (const cursor of keys)
    await expect(jobs.list({ limit: 1, cursor })).rejects.toMatchObject({ name: 'InvalidInputError' });
  const failed = cursorOf({ jobId, createdAt: AT, status: 'failed' });
  expect(await jobs.list({ limit: 1, status: 'failed', cursor: failed })).toEqual({ jobs: [] });
  await expect(jobs.list({ limit: 1, status: 'pending', cursor: failed })).rejects.toMatchObject({
    name: 'InvalidInputError',
  });
});

test('of ten ends and ten cancels of a job one is written, and its totals are kept', async () => {
  const { jobs } = tables;
  const job = jobRow();
  await jobs.create(job);
  const tries = Array.from({ length: 20 }, (_, i) =>
    i % 2
      ? jobs.end(job.jobId, 1, { ...TOTALS, status: 'completed', at: AT })
      : jobs.cancel(job.jobId, 1, AT),
  );
  expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
  await jobs.recordTotals(job.jobId, 1, TOTALS, AT);
  expect(await jobs.get(job.jobId)).toMatchObject({ ...TOTALS, completedAt: AT });
  await jobs.recordTotals(job.jobId, 1, { ...TOTALS, counts: countsOf({}), costUsd: 0 }, AT);
  expect(await jobs.get(job.jobId)).toMatchObject(TOTALS);
});

test('a failed job has its error, and the next run begins without it', async () => {
  const { jobs } = tables;
  const job = jobRow({ executionArn: 'arn:of:run:1' });
  await jobs.create(job);
  expect(await jobs.reserveRun(job.jobId, 1, { action: 'analyze' }, AT)).toBe(false);
  const error = { name: 'SomeError', message: 'It broke.' };
  expect(await jobs.end(job.jobId, 1, { status: 'failed', at: AT, error })).toBe('failed');
  expect(await jobs.get(job.jobId)).toMatchObject({ status: 'failed', error });

  const retries = Array.from({ length: 10 }, () => jobs.reserveRun(job.jobId, 1, { action: 'publish' }, AT));
  expect((await Promise.all(retries)).filter(Boolean)).toHaveLength(1);
  const again = await jobs.get(job.jobId);
  expect(again).toMatchObject({ status: 'pending', run: 2, action: 'publish' });
  for (const gone of ['error', 'completedAt', 'cancelledAt', 'executionArn'])
    expect(again).not.toHaveProperty(gone);
});

test('a job that waits for a person stays waiting through its runs, and is cancelled like one that runs', async () => {
  const { jobs } = tables;
  const job = jobRow({ waitingFor: 'sample' });
  const { jobId } = job;
  await jobs.create(job);
  expect(await jobs.end(jobId, 1, { ...TOTALS, status: 'completed', at: AT })).toBe('waiting');
  // CompleteJob may run twice.
  expect(await jobs.end(jobId, 1, { ...TOTALS, status: 'completed', at: AT })).toBe(undefined);
  const listed = await jobs.list({ status: 'waiting', limit: 10 });
  expect(listed.jobs).toMatchObject([{ jobId, status: 'waiting', waitingFor: 'sample' }]);
  expect(await jobs.markDeleted(jobId, 1, AT)).toBe(false);

  expect(await jobs.reserveRun(jobId, 1, { action: 'publish' }, AT)).toBe(true);
  expect(await jobs.end(jobId, 2, { status: 'failed', at: AT })).toBe('waiting');
  expect(await jobs.cancel(jobId, 2, AT)).toBe(true);
  const cancelled = await jobs.get(jobId);
  expect(cancelled).toMatchObject({ status: 'cancelled' });
  expect(cancelled).not.toHaveProperty('waitingFor');
  expect(await jobs.reserveRun(jobId, 2, { action: 'analyze' }, AT)).toBe(true);
});

test('what a job holds back is known after a cancel too, which ends only its wait', async () => {
  const { jobs } = tables;
  const { jobId } = jobRow();
  await jobs.create(jobRow({ jobId }));
  await jobs.cancel(jobId, 1, AT);
  await jobs.recordHeld(jobId, 1, 3);
  expect(await jobs.get(jobId)).toMatchObject({ status: 'cancelled', held: 3 });
  expect(await jobs.get(jobId)).not.toHaveProperty('waitingFor');
  await jobs.recordHeld(jobId, 2, 0);
  expect(await jobs.get(jobId)).toMatchObject({ held: 3 });
  await jobs.recordHeld(jobId, 1, 0);
  expect(await jobs.get(jobId)).not.toHaveProperty('held');
});

test('one of twenty readers counts, and counts again only when the counts are old', async () => {
  const { jobs } = tables;
  const job = jobRow();
  await jobs.create(job);
  const claim = () => jobs.claimCounting(job.jobId, '2026-11-21T23:59:55.000Z', AT);
  const claims = await Promise.all(Array.from({ length: 20 }, claim));
  expect(claims.filter(Boolean)).toHaveLength(1);
  expect(await jobs.claimCounting(job.jobId, '2026-11-22T00:00:00.001Z', AT)).toBe(true);
  expect(await jobs.claimCounting(newJobId(), AT, AT)).toBe(false);
});

test('pull requests are counted only on an ended job, and only for its current run', async () => {
  const { jobs } = tables;
  const job = jobRow();
  const { jobId } = job;
  const counts = (open: number) => ({ open, merged: 0, closed: 0, failed: 0 });
  await jobs.create(job);
  await jobs.recordPullRequests(jobId, 1, counts(1), AT);
  expect(await jobs.get(jobId)).not.toHaveProperty('pullRequests');
  await jobs.end(jobId, 1, { ...TOTALS, status: 'completed', at: AT });
  await jobs.recordPullRequests(jobId, 1, counts(2), AT);
  await jobs.reserveRun(jobId, 1, { action: 'publish' }, AT);
  await jobs.recordPullRequests(jobId, 2, counts(3), AT);
  await jobs.end(jobId, 2, { ...TOTALS, status: 'completed', at: AT });
  // A count of the run before arrives late.
  await jobs.recordPullRequests(jobId, 1, counts(4), AT);
  expect(await jobs.get(jobId)).toMatchObject({ run: 2, pullRequests: counts(2) });
});

const ANALYZE = { action: 'analyze' } as const;

test('no retry or cancel brings back a deleted job, no late write creates it again, and no item of it is left', async () => {
  const { jobs, control, rateSlots, client, settings } = tables;
  const job = jobRow();
  const { jobId } = job;
  await jobs.create(job);
  await control.reserve(jobId, 0.1, 1);
  await rateSlots.reserve(jobId, 60, Date.parse(AT));
  expect(await jobs.markDeleted(jobId, 1, AT)).toBe(false);
  await jobs.cancel(jobId, 1, AT);
  const races = [
    ...Array.from({ length: 5 }, () => jobs.reserveRun(jobId, 1, ANALYZE, AT)),
    ...Array.from({ length: 5 }, () => jobs.markDeleted(jobId, 1, AT)),
  ];
  expect((await Promise.all(races)).filter(Boolean)).toHaveLength(1);
  if ((await jobs.find(jobId))?.run === 2) {
    await jobs.cancel(jobId, 2, AT);
    expect(await jobs.markDeleted(jobId, 2, AT)).toBe(true);
  }
  const { run } = (await jobs.deletion(jobId))!;
  const deletions: unknown[] = [];
  for await (const deletion of jobs.deletions()) if (deletion.jobId === jobId) deletions.push(deletion);
  expect(deletions).toEqual([{ jobId, run }]);
  const late = async () => {
    await control.settle(jobId, { reservedUsd: 0.1, spentUsd: 0 });
    await control.stop(jobId, run, 'cancelled');
    await control.openRun(jobId, run + 1);
    expect([
      await jobs.create(job),
      await jobs.reserveRun(jobId, run, ANALYZE, AT),
      await jobs.cancel(jobId, run, AT),
      await jobs.markDeleted(jobId, run, AT),
      await jobs.claimCounting(jobId, AT, AT),
      await jobs.find(jobId),
    ]).toEqual([false, false, false, false, false, undefined]);
    await expect(jobs.get(jobId)).rejects.toThrow(`The job ${jobId} was deleted at ${AT}`);
  };
  await late();
  await jobs.remove(jobId, run - 1);
  expect(await jobs.deletion(jobId)).toEqual({ run, isDone: false });
  await jobs.remove(jobId, run);
  expect(await jobs.deletion(jobId)).toEqual({ run, isDone: true });
  expect(await jobs.deleteAgain(jobId, run)).toBe(false);
  await late();
  expect(await control.reserve(jobId, 0.1, 1)).toBe(false);

  const { Items = [] } = await client.send(new ScanCommand({ TableName: settings.jobsTable }));
  const left = Items.filter((item) => item.jobId.includes(jobId));
  for (const item of left) expect(item.expiresAt).toBe(Date.parse('2026-11-30T00:00:00.000Z') / 1000);
  expect(left.sort((a, b) => a.jobId.length - b.jobId.length)).toMatchObject([
    { jobId, run, deletedAt: AT },
    {
      jobId: controlKey(jobId),
      stoppedBy: 'deleted',
      run: Number.MAX_SAFE_INTEGER,
    },
  ]);
});

test('all items of a job expire with it, also those of a later run', async () => {
  const { jobs, control, rows, client, settings } = tables;
  const job = jobRow({ createdAt: '2026-11-01T00:00:00.000Z' });
  const { jobId } = job;
  await jobs.create(job);
  const { expiresAt } = await jobs.get(jobId);
  expect(expiresAt).toBe('2027-01-30T00:00:00.000Z');
  await rows.createPending(jobId, ['local/one'], AT, 3, expiresAt);
  await rows.putDiff(jobId, 'local/one', Buffer.from('diff'), AT, expiresAt);
  await control.openRun(jobId, 3, expiresAt);
  expect((await rows.get(jobId, 'local/one')).expiresAt).toBe(expiresAt);
  const items = [settings.jobsTable, settings.repositoriesTable].map(async (TableName) => {
    const { Items = [] } = await client.send(new ScanCommand({ TableName }));
    return Items.filter((item) => item.jobId.startsWith(jobId));
  });
  const expiries = (await Promise.all(items)).flat().map((item) => item.expiresAt);
  expect(expiries).toEqual(Array(4).fill(Date.parse(expiresAt!) / 1000));
});

test('only expired jobs are found, oldest first', async () => {
  const { jobs } = tables;
  const at = (day: number) => new Date(Date.parse(AT) + day * 86_400_000).toISOString();
  const made = [-400, -300, -200].map((day) => jobRow({ createdAt: at(day) }));
  for (const job of [...made].reverse()) await jobs.create(job);
  const expired = async (day: number) => {
    const found: string[] = [];
    for await (const jobId of jobs.expired(at(day), 1000))
      if (made.some((job) => job.jobId === jobId)) found.push(jobId);
    return found;
  };
  const [first, second] = made.map(({ jobId }) => jobId);
  expect(await expired(-311)).toEqual([]);
  expect(await expired(-310)).toEqual([first]);
  expect(await expired(-150)).toEqual([first, second]);
  await jobs.end(first!, 1, { ...TOTALS, status: 'failed', at: AT });
  await jobs.markDeleted(first!, 1, AT);
  expect(await expired(-150)).toEqual([second]);
});
