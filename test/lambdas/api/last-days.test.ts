import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { JobTable } from '../../../core/store/job-table.ts';
import { retryJob } from '../../../lambdas/api/retry-job.ts';
import type { Context } from '../../../lambdas/context.ts';
import { jobRow } from '../../support/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;
beforeAll(async () => {
  tables = await openTestTables();
  artifacts = await openTestArtifacts();
});
afterAll(async () => {
  await tables?.close();
  await artifacts?.close();
});

/** What a retry of a job that was made so many days ago comes to: the run that the job is in then, and what was said. */
async function retriedAfter(days: number, resultDays: number): Promise<{ run: number; said: string }> {
  const now = new Date();
  const createdAt = new Date(now.getTime() - days * 86_400_000).toISOString();
  const job = jobRow({ createdAt, status: 'failed' });
  await new JobTable(tables.client, { ...tables.settings, RESULT_DAYS: resultDays }).create(job);
  const storage: Context = {
    // Nothing listens there: a retry that is let through fails at the start of its execution.
    settings: { ...tables.settings, STATE_MACHINE_ARN: 'arn:aws:states:us-east-1:0:stateMachine:none' },
    ...tables.stores,
    artifacts: artifacts.store,
    now: () => now.toISOString(),
  };
  process.env.AWS_ENDPOINT_URL_SFN = 'http://127.0.0.1:9';
  process.env.AWS_MAX_ATTEMPTS = '1';
  const event = { headers: {}, requestContext: {} } as unknown as APIGatewayProxyEventV2;
  const said = await retryJob
    .answer(event, { jobId: job.jobId }, storage)
    .then(() => 'accepted')
    .catch((error: Error) => error.message);
  return { run: (await tables.jobs.get(job.jobId)).run, said };
}

test('a job that is about to expire is not run again, and the error has the time', async () => {
  expect(await retriedAfter(82, 90)).toMatchObject({ run: 2 });
  expect(await retriedAfter(84, 90)).toEqual({
    run: 1,
    said: expect.stringMatching(
      /expires at .*, which is too soon for another run\. Create a new job \(POST \/jobs\)\.$/,
    ),
  });
  // Of a short life the last half counts.
  expect(await retriedAfter(0.9, 2)).toMatchObject({ run: 2 });
  expect(await retriedAfter(1.1, 2)).toMatchObject({ run: 1 });
});
