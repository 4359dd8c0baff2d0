import { BatchClient, DescribeJobsCommand } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WORKER_ATTEMPTS } from '../../core/attempts.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { Fleet, repositoryOfRequest, writeAndSubmit } from '../support/fleet.ts';
import { until } from '../support/until.ts';

let fleet: Fleet;
let jobId: string;
let letGo: () => void;

beforeAll(async () => {
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  fleet = await Fleet.start({
    names: ['first', 'second'],
    concurrency: 1,
    script: async (request) => {
      await held;
      // A worker that is lost leaves no outcome to say when it had begun.
      if (repositoryOfRequest(request) === 'second')
        for (const { pid } of fleet.workers(jobId)) process.kill(pid, 'SIGKILL');
      return writeAndSubmit(request);
    },
  });
});
afterAll(() => fleet?.close());

async function startOf(batchJobId: string): Promise<string> {
  const { awsVariables } = fleet.stack;
  const endpoint = awsVariables.AWS_ENDPOINT_URL_BATCH!;
  const batch = new BatchClient({ ...LOCAL_AWS, endpoint });
  const { jobs } = await batch.send(new DescribeJobsCommand({ jobs: [batchJobId] }));
  batch.destroy();
  return new Date(jobs![0]!.startedAt!).toISOString();
}

test('who waits for a place is told from who runs, and each result says when Batch began to run it', async () => {
  jobId = await fleet.post(['first', 'second']);
  const { running, waiting } = await until('one that runs and one that waits', async () => {
    const rows = Object.values(await fleet.rows(jobId)).filter(({ submittedAt }) => submittedAt);
    const running = rows.find(({ startedAt }) => startedAt);
    const waiting = rows.find(({ startedAt }) => !startedAt);
    return running && waiting ? { running, waiting } : undefined;
  });
  expect([running.status, waiting.status]).toEqual(['processing', 'processing']);
  expect(running.startedAt).toBe(await startOf(running.batchJobId!));
  expect(running.logStream).toContain(running.batchJobId);
  const { results } = await fleet.job(jobId);
  expect(results.filter(({ startedAt }) => startedAt)).toHaveLength(1);

  letGo();
  await fleet.ended(jobId);
  const { first, second } = await fleet.rows(jobId);
  expect(first).toMatchObject({ status: 'completed', startedAt: await startOf(first!.batchJobId!) });
  expect(second).toMatchObject({
    status: 'failed',
    attempts: WORKER_ATTEMPTS,
    startedAt: await startOf(second!.batchJobId!),
    error: { name: 'WorkerLostError' },
  });
});
