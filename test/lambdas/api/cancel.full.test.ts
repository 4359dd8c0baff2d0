import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { COST_OF_USAGE, Fleet, repositoryOfRequest, writeAndSubmit } from '../../support/fleet.ts';
import { alive } from '../../support/process-tree.ts';
import { until } from '../../support/until.ts';

let fleet: Fleet;

/** By name: the first is done at once, two work, the fourth waits for a slot of Batch, the fifth for one of the Map. */
const NAMES = ['a-done', 'b-stalls', 'c-verifies', 'd-queued', 'e-pending'];
/** Hangs in one of the repositories, with a child that does not hear polite signals. */
const VERIFY = "grep -q c-verifies name.txt || exit 0; (trap '' TERM INT HUP; sleep 4321.5) & sleep 4321.5";

beforeAll(async () => {
  fleet = await Fleet.start({
    names: NAMES,
    concurrency: 2,
    script: (request) =>
      repositoryOfRequest(request) === 'b-stalls' && request.messages.length > 1
        ? { stall: true }
        : writeAndSubmit(request),
  });
});
afterAll(() => fleet.close());

/**
 * A job in the middle of its work, and everything that works on it. Which children of a Map are first to reach Batch is
 * open: where the two that hang have both slots, nothing could be done at once, and another job is tried.
 */
async function jobAtWork(tries = 8) {
  const before = new Set(fleet.descendants().map(({ pid }) => pid));
  const jobId = await fleet.post(NAMES, {
    maxConcurrency: 3,
    settings: { verify: [VERIFY], verifyBaseline: false },
  });
  const found = await until('the work of every kind', async () => {
    const rows = await fleet.rows(jobId);
    const jobs = await fleet.batchJobs(jobId);
    const waiting = jobs.filter(({ status }) => status === 'RUNNABLE');
    if (waiting.some(({ jobName }) => jobName!.includes('a-done')) && running(jobs) === 2)
      return 'crowded out';
    const isNew = ({ pid }: { pid: number }) => !before.has(pid);
    const sleeping = fleet.descendants().filter((one) => isNew(one) && one.command === 'sleep 4321.5');
    const isVerifying = sleeping.length === 2;
    const isAtWork = rows['a-done']?.status === 'completed' && rows['b-stalls']?.turns === 1 && isVerifying;
    return isAtWork && waiting.length > 0 && 'at work';
  });
  if (found === 'crowded out' && tries > 1) {
    await fleet.call('POST', `/jobs/${jobId}/cancel`);
    await until('the end of its workers', () => fleet.workers(jobId).length === 0);
    return jobAtWork(tries - 1);
  }
  expect(found).toBe('at work');
  const atWork = fleet.descendants().filter(({ pid }) => !before.has(pid));
  expect(atWork.filter(({ command }) => command === 'sleep 4321.5')).toHaveLength(2);
  expect(fleet.workers(jobId)).toHaveLength(2);
  return { jobId, atWork, done: (await fleet.rows(jobId))['a-done'] };
}

function running(jobs: readonly { status?: string }[]): number {
  return jobs.filter(({ status }) => status === 'STARTING' || status === 'RUNNING').length;
}

async function expectCancelled(jobId: string, done: unknown): Promise<void> {
  const rows = await fleet.rows(jobId);
  expect(rows['a-done']).toEqual(done);
  for (const name of NAMES.slice(1)) {
    expect(rows[name]).toMatchObject({
      status: 'cancelled',
      error: { name: 'JobCancelled', message: expect.stringContaining('cancelled') },
      completedAt: expect.any(String),
    });
  }
  // One answer each; the others had asked nothing.
  expect(rows['b-stalls']).toMatchObject({ turns: 1, costUsd: COST_OF_USAGE });
  expect(rows['c-verifies']).toMatchObject({ turns: 2, costUsd: 2 * COST_OF_USAGE });
  expect(await fleet.job(jobId)).toMatchObject({
    status: 'cancelled',
    counts: { total: 5, pending: 0, processing: 0, completed: 1, failed: 0, cancelled: 4 },
    costUsd: 5 * COST_OF_USAGE,
    tokenUsage: { total: 5 * 1200 },
    cancelledAt: expect.any(String),
  });
  expect(await fleet.execution(jobId)).toBe('ABORTED');
  const statuses = (await fleet.batchJobs(jobId)).map(({ status }) => status);
  expect(statuses.sort()).toEqual(['FAILED', 'FAILED', 'FAILED', 'SUCCEEDED']);
  expect(await fleet.control(jobId)).toMatchObject({
    stoppedBy: 'cancelled',
    reservedUsd: expect.closeTo(5 * COST_OF_USAGE, 6),
  });
  expect(await fleet.temporaryFolders()).toEqual([]);
}

test('a cancelled job stops all work, keeps finished results, and counts its usage', async () => {
  const { jobId, atWork, done } = await jobAtWork();
  const { spending } = await fleet.job(jobId);
  // The calls of the first and the call before the one that stalls are settled; the stalled one is under way.
  expect(spending!.settledUsd).toBeGreaterThan(2.9 * COST_OF_USAGE);
  expect(spending!.reservedUsd).toBeGreaterThan(0);
  const { status, json } = await fleet.call('POST', `/jobs/${jobId}/cancel`);
  expect({ status, json }).toMatchObject({ status: 200, json: { status: 'cancelled' } });
  await until('the end of every process of the job', () => alive(atWork).length === 0);
  const { results, ...rest } = await fleet.atRest(jobId);
  await expectCancelled(jobId, done);
  expect(rest).not.toHaveProperty('spending');

  const again = await fleet.call('POST', `/jobs/${jobId}/cancel`);
  expect(again.status).toBe(200);
  expect(again.json).toEqual(rest);
  await expectCancelled(jobId, done);
});

test("an execution that is stopped in Step Functions ends its job as the API's cancel does", async () => {
  const { jobId, atWork, done } = await jobAtWork();
  await fleet.sfn.send(new StopExecutionCommand({ executionArn: fleet.executionArn(jobId) }));
  await until('the end of every process of the job', () => alive(atWork).length === 0);
  await until('the rows', async () => (await fleet.job(jobId)).counts.cancelled === 4);
  await expectCancelled(jobId, done);
});

test('a job that is cancelled before its first step never runs', async () => {
  const jobId = await fleet.post(NAMES);
  const { status, json } = await fleet.call('POST', `/jobs/${jobId}/cancel`);
  expect({ status, json }).toMatchObject({ status: 200, json: { status: 'cancelled' } });
  const answers = fleet.model.requests.length;
  await until('the execution', async () => (await fleet.execution(jobId)) !== 'RUNNING');
  await until('the end of its workers', () => fleet.workers(jobId).length === 0, 2000);
  // The step that was making the rows is not stopped with its execution: it ends what it made.
  await until('the rows', async () => {
    const statuses = Object.values(await fleet.rows(jobId)).map(({ status }) => status);
    return statuses.every((status) => status === 'cancelled');
  });
  await until('the counts', async () => (await fleet.job(jobId)).counts.cancelled === NAMES.length);
  const job = await fleet.job(jobId);
  expect(job).toMatchObject({ status: 'cancelled', costUsd: 0 });
  expect(job.counts).toMatchObject({ pending: 0, processing: 0, completed: 0, total: NAMES.length });
  expect(fleet.model.requests).toHaveLength(answers);
});
