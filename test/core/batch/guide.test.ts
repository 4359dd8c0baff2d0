import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { BatchClient, DescribeJobsCommand, type JobDetail, ListJobsCommand } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalBatch, startBatch } from '../../../local/batch/server.ts';
import { LOCAL_AWS } from '../../support/aws-clients.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
/** The examples of the page, each a whole program. */
const EXAMPLES = [
  ...readFileSync(path.join(ROOT, 'docs/batch.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm),
].map(([, program]) => program!);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let batch: LocalBatch;
let official: BatchClient;

beforeAll(async () => {
  folder = await temporaryFolder();
  batch = await startBatch({
    access: 'anyone',
    dataFolder: folder.path,
    jobQueue: 'my-job-queue',
    jobDefinitions: [
      {
        ...{ name: 'my-job-definition', command: ['false'], environment: {} },
        ...{ attempts: 1, timeoutSeconds: 600 },
      },
    ],
    ...{ maxRunning: 4, stopTimeoutSeconds: 1 },
  });
  official = new BatchClient({ ...LOCAL_AWS, endpoint: batch.url });
});

afterAll(async () => {
  official.destroy();
  await batch.close();
  await folder.remove();
});

/** As a user's program would run in a checkout. */
async function run(program: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=development', '--input-type=module-typescript', '--eval', program],
    {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        AWS_ENDPOINT_URL_BATCH: batch.url,
        AWS_REGION: LOCAL_AWS.region,
        AWS_ACCESS_KEY_ID: LOCAL_AWS.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: LOCAL_AWS.credentials.secretAccessKey,
      },
    },
  );
  return stdout;
}

/** The job as the official client sees it. */
async function seen(jobName: string): Promise<JobDetail> {
  const filters = [{ name: 'JOB_NAME', values: [jobName] }];
  const { jobSummaryList } = await official.send(new ListJobsCommand({ jobQueue: 'my-job-queue', filters }));
  const { jobs } = await official.send(new DescribeJobsCommand({ jobs: [jobSummaryList![0]!.jobId!] }));
  return jobs![0]!;
}

test('each example of docs/batch.md does on the local Batch what the page says', async () => {
  expect(EXAMPLES).toHaveLength(4);
  const [submission, methods, errors, wrapper] = await Promise.all(EXAMPLES.map(run));

  expect(submission).toMatch(/^Submitted my-job-[\w-]{36} as \S+\n/);
  expect(submission).toMatch(/The job ended as SUCCEEDED\n$/);
  expect(await seen('my-job-*')).toMatchObject({
    status: 'SUCCEEDED',
    retryStrategy: { attempts: 3 },
    container: { command: ['echo', 'Hello, World!'] },
  });

  expect(methods).toMatch(/^The job is \w+\.\n[\s\S]*^hello-world-123: \w+\n/m);
  expect(await seen('hello-world-123')).toMatchObject({
    status: 'FAILED',
    statusReason: 'No longer needed',
    tags: { team: 'platform' },
  });

  expect(errors).toMatch(/Submission: SubmitJob failed: .*another-queue/);

  expect(wrapper).toBe('SUCCEEDED\n');
  expect(await seen('video-processing-v42')).toMatchObject({
    container: { environment: expect.arrayContaining([{ name: 'VIDEO_ID', value: 'v42' }]) },
  });
});
