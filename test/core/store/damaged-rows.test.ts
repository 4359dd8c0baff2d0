import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { JobRow, newJobId } from '../../../core/job.ts';
import { RepositoryResult } from '../../../core/repository-result.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

/** Values that an edit by hand, a fault or another version may leave in an attribute. */
const POISON: readonly unknown[] = [
  '',
  'nonsense',
  'FAILED',
  -1,
  0.5,
  2 ** 60,
  null,
  true,
  [],
  {},
  { total: 'many' },
];

/** Keys of the tables and indexes, which DynamoDB requires to be strings. */
const INDEXED = ['status', 'createdAt'];

async function put(table: 'jobsTable' | 'repositoriesTable', Item: object): Promise<void> {
  // Stores a number over 2^53 unchanged, as the AWS console does.
  const sent = JSON.parse(JSON.stringify(Item), (_key, value) => (value === 2 ** 60 ? BigInt(value) : value));
  await tables.client.send(new PutCommand({ TableName: tables.settings[table], Item: sent }));
}

test('with any value in one attribute of a job, that job and the others are listed, read and shown', async () => {
  const { jobs } = tables;
  const healthy = jobRow();
  await jobs.create(healthy);
  const damaged: { jobId: string; name: string; value: unknown }[] = [];
  for (const name of Object.keys(JobRow.shape).filter((key) => key !== 'jobId')) {
    for (const value of POISON) {
      if (INDEXED.includes(name) && (typeof value !== 'string' || value === '')) continue;
      const job = jobRow();
      await put('jobsTable', { ...job, entity: 'job', [name]: value });
      damaged.push({ jobId: job.jobId, name, value });
    }
  }
  const listed = new Map<string, object>();
  let cursor: string | undefined;
  do {
    const page = await jobs.list({ limit: 100, ...(cursor && { cursor }) });
    for (const job of page.jobs) listed.set(job.jobId, job);
    cursor = page.cursor;
  } while (cursor);
  expect(listed.size).toBe(damaged.length + 1);
  expect(listed.get(healthy.jobId)).toEqual({ ...healthy, expiresAt: expect.any(String) });
  for (const { jobId, name, value } of damaged) {
    const job = await jobs.get(jobId);
    expect(JSON.parse(JSON.stringify(job))).toMatchObject({ jobId });
    // It is shown as stored, or as the value that it means.
    const shown = job.asWritten ? job.asWritten[name] : job[name as keyof JobRow];
    if (name !== 'expiresAt') expect({ name, shown }).toEqual({ name, shown: value });
  }
});

test('with any value in one attribute of a repository, it and the others of its job are read and counted', async () => {
  const { rows } = tables;
  const jobId = newJobId();
  const row = { jobId, status: 'processing', run: 1, updatedAt: AT };
  const names = ['local/healthy'];
  await put('repositoriesTable', { ...row, repositoryName: names[0] });
  for (const name of Object.keys(RepositoryResult.shape).slice(2)) {
    for (const [i, value] of POISON.entries()) {
      const repositoryName = `local/${name}-${i}`;
      await put('repositoriesTable', { ...row, repositoryName, [name]: value });
      names.push(repositoryName);
    }
  }
  const read = await rows.getMany(jobId, names);
  expect(read.map(({ repositoryName }) => repositoryName)).toEqual(names);
  expect(read[0]).toEqual({ ...row, repositoryName: 'local/healthy' });
  const counts = ['status', 'run', 'tokenUsage', 'costUsd', 'earlierRuns', 'pullRequest'] as const;
  for (const one of [...read, ...(await rows.getMany(jobId, names, counts))]) {
    expect(['processing', 'failed', 'unknown']).toContain(one.status);
    expect(RepositoryResult.partial().safeParse({ ...one, updatedAt: undefined }).error).toBeUndefined();
  }
});

test('a status in the original’s spelling is read as the status it means, and mended for later conditions', async () => {
  const { jobs, rows } = tables;
  const job = jobRow();
  await put('jobsTable', { ...job, entity: 'job', status: 'FAILED' });
  const read = await jobs.get(job.jobId);
  expect(read).toMatchObject({ status: 'failed', asWritten: { status: 'FAILED' } });
  expect(await jobs.mend(read)).toEqual({ ...job, status: 'failed' });
  expect(await jobs.reserveRun(job.jobId, 1, { action: 'analyze' }, AT)).toBe(true);

  const row = { jobId: job.jobId, repositoryName: 'local/one', run: 1, updatedAt: AT };
  await put('repositoriesTable', { ...row, status: 'Canceled ' });
  expect(await rows.get(job.jobId, 'local/one')).toMatchObject({ status: 'cancelled' });
  expect(await rows.respellStatus(job.jobId, 'local/one', 'cancelled', AT)).toBe(true);
  expect(await rows.resetForRun(await rows.get(job.jobId, 'local/one'), 2, AT)).toBe(true);
  expect(await rows.respellStatus(job.jobId, 'local/one', 'failed', AT)).toBe(false);
});

test('a job with unreadable settings is shown, and does not run with other settings', async () => {
  const { jobs } = tables;
  const job = jobRow();
  await put('jobsTable', { ...job, entity: 'job', settings: { ...job.settings, verify: 'npm test' } });
  expect(await jobs.get(job.jobId)).toMatchObject({ asWritten: { settings: { verify: 'npm test' } } });
  await expect(jobs.getWhole(job.jobId)).rejects.toThrow(/settings: .*Correct it in the jobs table/);
});

test('a page that ends at a row written by hand is followed by the next page', async () => {
  const { jobs } = tables;
  await put('jobsTable', { jobId: 'no job/at all', entity: 'job', status: 'pending', createdAt: '9999' });
  await put('jobsTable', { jobId: 'none either', entity: 'job', status: 'pending', createdAt: '0' });
  const listed: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await jobs.list({ status: 'pending', limit: 1, ...(cursor && { cursor }) });
    listed.push(...page.jobs.map(({ jobId }) => jobId));
    cursor = page.cursor;
  } while (cursor);
  expect(listed).toEqual(expect.arrayContaining(['no job/at all', 'none either']));
});

test('a rate limiter’s item that was edited by hand delays nothing, and is valid after the next write', async () => {
  const { rateSlots } = tables;
  const now = Date.parse(AT);
  for (const [i, damaged] of [...POISON, 9e15].entries()) {
    const pacer = `pacer-${i}`;
    await put('jobsTable', { jobId: `pacing#${pacer}`, nextSlotMs: damaged, setAtMs: damaged });
    if (damaged !== 0.5) await rateSlots.blockUntil(pacer, now + 1000, now);
    const slots = [await rateSlots.reserve(pacer, 3600, now), await rateSlots.reserve(pacer, 3600, now)];
    const from = damaged === 0.5 ? now : now + 1000;
    expect({ damaged, slots }).toEqual({ damaged, slots: [from, from + 1000] });
  }
});
