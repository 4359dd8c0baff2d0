import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newJobId } from '../../../core/job.ts';
import type { RepositoryResult } from '../../../core/repository-result.ts';
import { RESULT_OF_RUN, type RepositoryUpdate } from '../../../core/store/row-end.ts';
import { SUMMARY_COLUMNS } from '../../../core/summary-row.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { AT } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

const NAME = 'local/one';
const LATER = '2026-11-22T01:00:00.000Z';
const tokens = (input: number) => ({ ...NO_TOKENS, input, total: input });
const artifactsOf = (run: number) => ({ thread: `runs/${run}/thread.json`, diff: `runs/${run}/diff.patch` });
const patchSha = (digit: string) => digit.repeat(64);

const FIRST: RepositoryUpdate = {
  ...{ status: 'completed', outcome: 'changed', end: 'submitted', summary: 'Done.', completedAt: AT },
  ...{
    artifacts: artifactsOf(1),
    changeSetSha256: 'first',
    patchSha: patchSha('1'),
    shape: '1:a',
    kin: '1:b',
  },
  ...{
    turns: 7,
    attempts: 1,
    startedAt: '2026-11-22T00:00:00.000Z',
    batchJobId: 'batch-1',
    logStream: 'log-1',
  },
  ...{ tokenUsage: tokens(100), costUsd: 1, notDone: ['the README'], errorShape: undefined },
};

/** A repository that completed in run 1 and is under revision in run 2, as its worker has begun. */
async function underRevision(): Promise<{ jobId: string; completed: RepositoryResult }> {
  const { rows } = tables;
  const jobId = newJobId();
  await rows.createPending(jobId, [NAME], AT);
  await rows.endUnfinished(jobId, NAME, 1, FIRST);
  const completed = await rows.get(jobId, NAME);
  expect(await rows.resetForRevision(completed, 2, LATER)).toBe(true);
  return { jobId, completed };
}

/** What the revision's worker and its Batch job write while it works. */
async function work(jobId: string): Promise<void> {
  await tables.rows.recordProgress(jobId, NAME, { phase: 'conversing', turns: 2, updatedAt: LATER });
}

test('a result under revision stays readable, counts as pending, and says which run it is of', async () => {
  const { jobId, completed } = await underRevision();
  const row = await tables.rows.get(jobId, NAME);
  const { artifacts, summary, patchSha, outcome } = completed;
  expect(row).toMatchObject({ artifacts, summary, patchSha, outcome });
  expect(row).toMatchObject({ status: 'pending', run: 2, resultRun: 1, from: 1 });
  expect(await tables.index.countByIndex(jobId)).toMatchObject({ total: 1, pending: 1, completed: 0 });
});

const FAILED: RepositoryUpdate = {
  ...{ status: 'failed', outcome: 'gaveUp', end: 'maxTurns', summary: 'Stopped at 2 turns.' },
  ...{ completedAt: LATER, artifacts: artifactsOf(2), turns: 2, batchJobId: 'batch-2' },
  ...{ tokenUsage: tokens(150), costUsd: 1.5 },
};

test('a revision that does not complete changes nothing of the result but its cost, and the row says what came of it', async () => {
  const { jobId, completed } = await underRevision();
  await work(jobId);
  expect(await tables.rows.endUnfinished(jobId, NAME, 2, FAILED)).toBe(true);
  const { updatedAt: _, ...row } = await tables.rows.get(jobId, NAME);
  const { updatedAt: __, ...before } = completed;
  expect(row).toEqual({
    ...before,
    ...{ run: 2, from: 1, resultRun: 1, tokenUsage: tokens(150), costUsd: 1.5 },
    earlierRuns: { tokenUsage: tokens(100), costUsd: 1 },
    revision: {
      ...{ run: 2, cameTo: 'kept', outcome: 'gaveUp', end: 'maxTurns', summary: 'Stopped at 2 turns.' },
      ...{ artifacts: artifactsOf(2), completedAt: LATER },
    },
  });
  expect(await tables.index.countByIndex(jobId)).toMatchObject({ total: 1, completed: 1 });
  expect(await tables.rows.endUnfinished(jobId, NAME, 2, FAILED)).toBe(false);
});

test('a revision that is stopped before its worker starts is recorded as not started, with the reason', async () => {
  const { jobId, completed } = await underRevision();
  const error = { name: 'JobStopped', message: 'The job was stopped.' };
  const end = { status: 'cancelled' as const, completedAt: LATER, error };
  await tables.rows.endUnfinished(jobId, NAME, 2, end, { hasStarted: false });
  const row = await tables.rows.get(jobId, NAME);
  expect(row).toMatchObject({ status: 'completed', costUsd: 1, summary: 'Done.', turns: completed.turns });
  expect(row.revision).toEqual({ run: 2, cameTo: 'notStarted', error, completedAt: LATER });
  expect(row).not.toHaveProperty('error');
  expect(row).not.toHaveProperty('standing');
});

test('a revision that completes with the same patch leaves the result, its approval and its pull request', async () => {
  const { jobId } = await underRevision();
  const same = { ...FIRST, completedAt: LATER, artifacts: artifactsOf(2), costUsd: 1.5 };
  await tables.rows.endUnfinished(jobId, NAME, 2, same);
  const row = await tables.rows.get(jobId, NAME);
  expect(row).toMatchObject({ resultRun: 1, completedAt: AT, artifacts: artifactsOf(1), costUsd: 1.5 });
  expect(row.revision).toMatchObject({ run: 2, cameTo: 'same', artifacts: artifactsOf(2) });
});

test('a revision that completes replaces every attribute of the result', async () => {
  const { jobId } = await underRevision();
  await work(jobId);
  const unchanged: RepositoryUpdate = {
    ...{ status: 'completed', outcome: 'unchanged', end: 'submitted', summary: 'Not needed.' },
    ...{ completedAt: LATER, artifacts: { thread: artifactsOf(2).thread }, turns: 3 },
    ...{ tokenUsage: tokens(150), costUsd: 1.5 },
  };
  await tables.rows.endUnfinished(jobId, NAME, 2, unchanged);
  const { updatedAt: _, ...row } = await tables.rows.get(jobId, NAME);
  expect(row).toEqual({
    ...{ jobId, repositoryName: NAME, run: 2, resultRun: 2, from: 1, ...unchanged },
    earlierRuns: { tokenUsage: tokens(100), costUsd: 1 },
    expiresAt: row.expiresAt,
    revision: { run: 2, cameTo: 'replaced' },
  });
});

test('a revision of what failed replaces it, as a retry does', async () => {
  const { rows } = tables;
  const jobId = newJobId();
  await rows.createPending(jobId, [NAME], AT);
  await rows.endUnfinished(jobId, NAME, 1, { ...FAILED, artifacts: artifactsOf(1) });
  await rows.resetForRevision(await rows.get(jobId, NAME), 2, LATER);
  const reset = await rows.get(jobId, NAME);
  expect(reset).toMatchObject({ status: 'pending', run: 2, from: 1 });
  expect(reset).not.toHaveProperty('artifacts');
  expect(reset).not.toHaveProperty('standing');
  const error = { name: 'JobCancelled', message: 'Cancelled.' };
  await rows.endUnfinished(jobId, NAME, 2, { status: 'cancelled', completedAt: LATER, error });
  expect(await rows.get(jobId, NAME)).toMatchObject({ status: 'cancelled', error, resultRun: 2 });
});

test('what a list of rows shows of a result is replaced with the result', () => {
  const ofTheRow = ['repositoryName', 'status', 'run', 'costUsd', 'review', 'prState', 'checks', 'prNumber'];
  const ofAResult = SUMMARY_COLUMNS.filter((name) => !ofTheRow.includes(name));
  expect(ofAResult.filter((name) => !RESULT_OF_RUN.some((attribute) => attribute === name))).toEqual([]);
});
