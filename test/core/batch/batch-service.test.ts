import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { BatchClient, DescribeJobsCommand, type JobSummary, paginateListJobs } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import {
  type BatchConfig,
  BatchService,
  type JobDetail,
  type WaitProgress,
} from '../../../core/batch/batch-service.ts';
import { type LocalBatch, startBatch } from '../../../local/batch/server.ts';
import { LOCAL_AWS } from '../../support/aws-clients.ts';

const EXIT_BY_PARAMETER = 'process.exit(Number(process.argv[1]))';
const SLEEP = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
const WAIT = { pollSeconds: 0.02, timeoutSeconds: 60 };

let folder: string;
let batch: LocalBatch;
/** The official client, beside the service. */
let official: BatchClient;
let proxy: http.Server;
let faults: Fault[];
let jobs: BatchService;

/** What becomes of one request: it is refused, or Batch processes it and its answer is lost. */
type Fault = 'lost' | { status: number; type: string };

/** The operations that reached the proxy. */
let operations: string[];

beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID = LOCAL_AWS.credentials.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = LOCAL_AWS.credentials.secretAccessKey;
  folder = mkdtempSync(path.join(os.tmpdir(), 'batch-jobs-'));
  batch = await startBatch({
    access: 'anyone',
    dataFolder: folder,
    jobQueue: 'queue',
    jobDefinitions: [
      {
        name: 'worker',
        command: [process.execPath, '-e', EXIT_BY_PARAMETER, 'Ref::exitCode'],
        environment: {},
        attempts: 3,
        timeoutSeconds: 600,
      },
    ],
    maxRunning: 1,
  });
  official = new BatchClient({ ...LOCAL_AWS, endpoint: batch.url });
  proxy = http.createServer((request, response) => void pass(request, response));
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  jobs = service();
});

beforeEach(() => {
  faults = [];
  operations = [];
});

afterAll(async () => {
  official.destroy();
  proxy.close();
  proxy.closeAllConnections();
  await batch.close();
  rmSync(folder, { recursive: true, force: true });
});

async function pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  operations.push(request.url!.replace('/v1/', ''));
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const fault = faults.shift();
  if (typeof fault === 'object') {
    const headers = { 'content-type': 'application/json', 'x-amzn-errortype': fault.type };
    response.writeHead(fault.status, headers).end(JSON.stringify({ message: `${fault.type} of the test` }));
    return;
  }
  const { host, ...headers } = request.headers;
  const answer = await fetch(`${batch.url}${request.url}`, {
    method: 'POST',
    headers: headers as Record<string, string>,
    body: Buffer.concat(chunks),
  });
  const body = await answer.text();
  if (fault === 'lost') response.destroy();
  else response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(body);
}

function service(config: Partial<BatchConfig> = {}): BatchService {
  const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return new BatchService({
    region: LOCAL_AWS.region,
    ...{ endpoint, jobQueue: 'queue', jobDefinition: 'worker', jobBaseName: 'test', ...config },
  });
}

async function ended(jobId: string): Promise<JobDetail> {
  const { ended } = await jobs.waitForJobs([jobId], WAIT);
  return ended[0]!;
}

async function named(prefix: string): Promise<JobSummary[]> {
  const found: JobSummary[] = [];
  const filters = [{ name: 'JOB_NAME', values: [`${prefix}*`] }];
  for await (const page of paginateListJobs({ client: official }, { jobQueue: 'queue', filters }))
    found.push(...page.jobSummaryList!);
  return found;
}

async function listed(query: Parameters<BatchService['listJobs']>[0]): Promise<JobSummary[]> {
  const found: JobSummary[] = [];
  for await (const job of jobs.listJobs(query)) found.push(job);
  return found;
}

test('a submitted job gets the command, parameters and environment of its request', async () => {
  const submitted = await jobs.submitJob({
    jobName: 'whole',
    command: [process.execPath, '-e', 'process.exit(process.env.REPOSITORY === "octo/repo" ? 0 : 1)'],
    parameters: { jobId: 'job-1' },
    environment: { REPOSITORY: 'octo/repo' },
    attempts: 2,
    timeoutSeconds: 90,
    tags: { jobId: 'job-1' },
  });
  expect(submitted).toEqual({
    jobId: expect.any(String),
    jobName: 'whole',
    jobArn: expect.stringContaining(submitted.jobId),
  });
  await ended(submitted.jobId);
  const { jobs: seen } = await official.send(new DescribeJobsCommand({ jobs: [submitted.jobId] }));
  expect(seen![0]).toMatchObject({
    status: 'SUCCEEDED',
    parameters: { jobId: 'job-1' },
    retryStrategy: { attempts: 2 },
    timeout: { attemptDurationSeconds: 90 },
    tags: { jobId: 'job-1' },
  });
  expect(await jobs.getJobStatus(submitted.jobId)).toEqual(seen![0]);
});

test('a request without a command or attempts gets those of the job definition', async () => {
  const { jobId } = await jobs.submitJob({ parameters: { exitCode: '3' } });
  const job = await ended(jobId);
  expect(job.attempts!.map((attempt) => attempt.container!.exitCode)).toEqual([3, 3, 3]);
  const once = await service({ attempts: 1 }).submitJob({ parameters: { exitCode: '3' } });
  expect((await ended(once.jobId)).attempts).toHaveLength(1);
});

test('jobs without a name get names of their own, which begin with the base name', async () => {
  const request = { parameters: { exitCode: '0' } };
  const names = (await Promise.all([jobs.submitJob(request), jobs.submitJob(request)])).map(
    ({ jobName }) => jobName,
  );
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toMatch(/^test-[\w-]{36}$/);
});

test.each<[string, Parameters<BatchService['submitJob']>[0]]>([
  ['jobName', { jobName: 'octo/repo' }],
  ['environment.AWS_BATCH_X', { environment: { AWS_BATCH_X: '1' } }],
  ['environment', { environment: { LONG: 'x'.repeat(8192) } }],
  ['command', { command: [] }],
  ['attempts', { attempts: 11 }],
  ['timeoutSeconds', { timeoutSeconds: 59 }],
  ['tags', { tags: Object.fromEntries(Array.from({ length: 51 }, (_, tag) => [`t${tag}`, ''])) }],
])('a submission with an invalid %s is refused before the call', async (field, request) => {
  await expect(jobs.submitJob(request)).rejects.toMatchObject({
    name: 'BatchSubmissionError',
    field,
    message: expect.stringMatching(/^SubmitJob failed: The request is invalid: .*No job was started\.$/),
  });
  expect(operations).toEqual([]);
});

test.each<[string, object]>([
  ['jobBaseName', { jobBaseName: 'a'.repeat(92) }],
  ['attempts', { attempts: 0 }],
  ['tries', { tries: 0 }],
  ['endpoint', { endpoint: 'localhost:8000' }],
  ['logger', { logger: { info() {} } }],
  ['queue', { queue: 'misspelt' }],
])('an invalid %s in the configuration is refused by name', (field, config) => {
  expect(() => service(config)).toThrow(
    expect.objectContaining({ name: 'BatchConfigurationError', message: expect.stringContaining(field) }),
  );
});

test('a submission without a queue, a definition or a name says which configuration is missing', async () => {
  for (const field of ['jobQueue', 'jobDefinition', 'jobBaseName'])
    await expect(service({ [field]: undefined }).submitJob({})).rejects.toMatchObject({
      name: 'BatchConfigurationError',
      message: expect.stringContaining(field),
    });
});

test('an unknown job is not found, and a description of several leaves it out', async () => {
  await expect(jobs.getJobStatus('unknown')).rejects.toMatchObject({
    name: 'BatchNotFoundError',
    message: expect.stringMatching(/^DescribeJobs failed: .*unknown.*7 days/),
  });
  expect(await jobs.describeJobs(['unknown'])).toEqual([]);
  expect(await jobs.waitForJobs(['unknown'], WAIT)).toEqual({ ended: [], unfinished: [] });
});

test('what Batch refuses is told apart by class, with the operation and the words of Batch', async () => {
  await expect(jobs.submitJob({ jobQueue: 'other' })).rejects.toMatchObject({
    name: 'BatchSubmissionError',
    operation: 'SubmitJob',
    message: expect.stringMatching(/^SubmitJob failed: .*other/),
    cause: expect.objectContaining({ name: 'ClientException' }),
  });
  faults = [{ status: 403, type: 'AccessDeniedException' }];
  await expect(jobs.terminateJob('any', 'reason')).rejects.toMatchObject({
    name: 'BatchConfigurationError',
    message: expect.stringMatching(/^TerminateJob failed: AccessDenied.*batch:TerminateJob/),
  });
  faults = [{ status: 429, type: 'TooManyRequestsException' }];
  await expect(service({ tries: 1 }).cancelJob('any', 'reason')).rejects.toMatchObject({
    name: 'BatchThrottledError',
    retryable: true,
    message: expect.stringMatching(/^CancelJob failed: TooManyRequestsException/),
  });
  const unreachable = service({ tries: 1, endpoint: 'http://127.0.0.1:1' });
  await expect(unreachable.describeJobs(['any'])).rejects.toMatchObject({
    name: 'BatchUnavailableError',
    retryable: true,
    message: expect.stringMatching(/^DescribeJobs failed: .*ECONNREFUSED/),
  });
});

test('a throttled call is tried again, and the logger hears of it', async () => {
  const said: [string, object][] = [];
  const say = (message: string, fields: object) => void said.push([message, fields]);
  faults = [
    { status: 429, type: 'TooManyRequestsException' },
    { status: 500, type: 'ServerException' },
  ];
  await service({ logger: { info: say, warn: say } }).describeJobs(['any']);
  expect(said).toEqual([
    ['DescribeJobs is tried again', { tried: 1, error: expect.stringContaining('TooManyRequests') }],
    ['DescribeJobs is tried again', { tried: 2, error: expect.stringContaining('ServerException') }],
  ]);
});

test('a submission whose answer is lost starts one job, though others have its name', async () => {
  const request = { jobName: 'one-of-a-kind', parameters: { exitCode: '0' } };
  const other = await jobs.submitJob(request);
  faults = ['lost'];
  const { jobId } = await jobs.submitJob(request);
  expect(jobId).not.toBe(other.jobId);
  expect((await named('one-of-a-kind')).map((job) => job.jobId).sort()).toEqual([jobId, other.jobId].sort());
  expect(operations.filter((operation) => operation === 'submitjob')).toHaveLength(2);
});

test('a submission that Batch did not process is sent again', async () => {
  faults = [{ status: 503, type: 'ServerException' }];
  const { jobId } = await jobs.submitJob({ jobName: 'again', parameters: { exitCode: '0' } });
  expect((await named('again')).map((job) => job.jobId)).toEqual([jobId]);
});

test('if Batch is lost altogether, the error says that a job may have been started', async () => {
  faults = ['lost', 'lost'];
  await expect(service({ tries: 1 }).submitJob({ jobName: 'adrift', command: SLEEP })).rejects.toMatchObject({
    name: 'BatchUnavailableError',
    message: expect.stringMatching(
      /^SubmitJob failed: .*may have been started: look for jobs named adrift in queue/,
    ),
  });
  const [left] = await named('adrift');
  await jobs.terminateJob(left!.jobId!, 'the test has ended');
  await ended(left!.jobId!);
});

test('a list by name prefix has every job of the prefix, over several pages, and no other job', async () => {
  const submit = (jobName: string) => jobs.submitJob({ jobName, command: SLEEP });
  const mine = await Promise.all(Array.from({ length: 120 }, (_, job) => submit(`job-A-${job}`)));
  const other = await submit('job-a-0');

  const byPrefix = await listed({ namePrefix: 'job-A-' });
  expect(byPrefix.map(({ jobId }) => jobId).sort()).toEqual(mine.map(({ jobId }) => jobId).sort());
  expect((await listed({ name: 'job-a-0' })).map(({ jobId }) => jobId)).toEqual([other.jobId]);
  expect((await listed({ namePrefix: 'job-', status: 'FAILED' })).length).toBe(0);

  const all = await listed({});
  expect(all.map(({ jobId }) => jobId).sort()).toEqual((await named('')).map(({ jobId }) => jobId).sort());
  for (const status of ['RUNNABLE', 'SUCCEEDED'] as const) {
    const ofStatus = await listed({ status });
    expect(ofStatus.length).toBeGreaterThan(0);
    expect(new Set(ofStatus.map((job) => job.status))).toEqual(new Set([status]));
  }

  for (const { jobId } of byPrefix) await jobs.terminateJob(jobId!, 'swept');
  const progress: WaitProgress[] = [];
  const { ended: swept, unfinished } = await jobs.waitForJobs(
    byPrefix.map(({ jobId }) => jobId!),
    { ...WAIT, onProgress: (now) => progress.push(now) },
  );
  expect({ swept: swept.length, unfinished }).toEqual({ swept: 120, unfinished: [] });
  expect(new Set(swept.map((job) => job.statusReason))).toEqual(new Set(['swept']));
  expect(progress.at(-1)!.ended).toHaveLength(120);

  await jobs.cancelJob(other.jobId, 'too late or not');
  await jobs.terminateJob(other.jobId, 'done');
  expect((await ended(other.jobId)).status).toBe('FAILED');
});

test('a wait ends at its limit and with its signal, and leaves the job alone', async () => {
  const { jobId } = await jobs.submitJob({ command: SLEEP });
  const { unfinished } = await jobs.waitForJobs([jobId], { timeoutSeconds: 0 });
  expect(unfinished).toMatchObject([{ jobId }]);
  const stop = new AbortController();
  const wait = jobs.waitForJobs([jobId], {
    pollSeconds: 60,
    signal: stop.signal,
    onProgress: () => setImmediate(() => stop.abort(new Error('the caller left'))),
  });
  await expect(wait).rejects.toThrow(/abort|caller left/);
  await jobs.terminateJob(jobId, 'done');
  await ended(jobId);
});

test('an empty prefix is refused, and does not list the whole queue', async () => {
  await expect(listed({ namePrefix: '' })).rejects.toMatchObject({
    name: 'BatchRequestError',
    field: 'namePrefix',
  });
});
