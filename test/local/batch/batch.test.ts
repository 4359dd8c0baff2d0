import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  BatchClient,
  CancelJobCommand,
  DescribeComputeEnvironmentsCommand,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  type JobDetail,
  ListJobsCommand,
  ListSchedulingPoliciesCommand,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { NOT_TRIED_AGAIN } from '../../../core/attempts.ts';
import type { LocalJobDefinition } from '../../../local/batch/job-definition.ts';
import { type BatchOptions, batchLogFile, type LocalBatch, startBatch } from '../../../local/batch/server.ts';
import { LOCAL_AWS } from '../../support/aws-clients.ts';
import { until } from '../../support/until.ts';

const NODE = process.execPath;
const SLEEP = [NODE, '-e', 'setInterval(() => {}, 1000)'];

let folder: string;
let batch: LocalBatch | undefined;
let client: BatchClient;
let changes: JobDetail[];
let started: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'batch-'));
  changes = [];
  started = [];
});

afterEach(async () => {
  client?.destroy();
  await batch?.close();
  batch = undefined;
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function clientOf(endpoint: string): BatchClient {
  return new BatchClient({ ...LOCAL_AWS, endpoint });
}

async function start(
  definition: Partial<LocalJobDefinition> = {},
  options: Partial<BatchOptions> = {},
): Promise<void> {
  batch = await startBatch({
    access: 'anyone',
    dataFolder: folder,
    jobQueue: 'queue',
    jobDefinitions: [
      {
        name: 'worker',
        command: SLEEP,
        environment: {},
        attempts: 1,
        timeoutSeconds: 60,
        ...definition,
      },
    ],
    maxRunning: 4,
    stopTimeoutSeconds: 1,
    onJobStateChange: ({ detail }) => changes.push(detail),
    ...options,
  });
  client = clientOf(batch.url);
}

async function submit(input: Partial<SubmitJobCommandInput> = {}): Promise<string> {
  const answer = await client.send(
    new SubmitJobCommand({ jobName: 'job', jobQueue: 'queue', jobDefinition: 'worker', ...input }),
  );
  return answer.jobId!;
}

async function describe(jobId: string): Promise<JobDetail> {
  const { jobs } = await client.send(new DescribeJobsCommand({ jobs: [jobId] }));
  return jobs![0]!;
}

/** The job once it has ended, by the events of the listener. */
function ended(jobId: string): Promise<JobDetail> {
  return until(`the end of ${jobId}`, () =>
    changes.find((job) => job.jobId === jobId && (job.status === 'SUCCEEDED' || job.status === 'FAILED')),
  );
}

function running(jobId: string): Promise<JobDetail> {
  return until(`the start of ${jobId}`, () =>
    changes.find((job) => job.jobId === jobId && job.status === 'RUNNING'),
  );
}

function logOf(job: JobDetail): string {
  return readFileSync(batchLogFile(folder, job.container!.logStreamName!), 'utf8');
}

/** False for a process that has ended, and for a zombie. */
function isAlive(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
    return !state.startsWith('Z');
  } catch {
    return false;
  }
}

test('a job that succeeds passes through every status and keeps its output in a log', async () => {
  await start({ command: [NODE, '-e', 'console.log("out"); console.error("err")'] });
  const jobId = await submit({ tags: { team: 'platform' } });
  await ended(jobId);

  expect(changes.map((job) => job.status)).toEqual([
    'PENDING',
    'RUNNABLE',
    'STARTING',
    'RUNNING',
    'SUCCEEDED',
  ]);
  const job = await describe(jobId);
  expect(job).toMatchObject({
    jobName: 'job',
    jobQueue: 'arn:aws:batch:us-east-1:000000000000:job-queue/queue',
    jobDefinition: 'arn:aws:batch:us-east-1:000000000000:job-definition/worker:1',
    status: 'SUCCEEDED',
    statusReason: 'Essential container in task exited',
    attempts: [{ container: { exitCode: 0 }, statusReason: 'Essential container in task exited' }],
    container: { exitCode: 0, logStreamName: `worker/default/${jobId}-1` },
    tags: { team: 'platform' },
  });
  expect(job.createdAt).toBeLessThanOrEqual(job.startedAt!);
  expect(job.startedAt).toBeLessThanOrEqual(job.stoppedAt!);
  expect(logOf(job).split('\n').sort()).toEqual(['', 'err', 'out']);
});

test('a worker finds its parameters by DescribeJobs on its own job id', async () => {
  const core = new URL('../../../core/batch/batch-service.ts', import.meta.url);
  const inspect = `
    import { BatchService } from ${JSON.stringify(core.href)};
    const job = await new BatchService().getJobStatus(process.env.AWS_BATCH_JOB_ID);
    console.log(JSON.stringify(job.parameters));
  `;
  const environment: Record<string, string> = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
  const command = [NODE, '--input-type=module', '--disable-warning=ExperimentalWarning', '-e', inspect];
  await start({ command, parameters: { maxRepositories: '5' }, environment });
  environment.AWS_ENDPOINT_URL_BATCH = batch!.url;
  const job = await ended(await submit({ parameters: { jobId: 'job-123456' } }));
  expect(JSON.parse(logOf(job))).toEqual({ jobId: 'job-123456', maxRepositories: '5' });
});

test('Ref:: arguments are filled from the parameters and their defaults, and other arguments are unchanged', async () => {
  const print = 'console.log(JSON.stringify(process.argv.slice(1)))';
  const command = [NODE, '-e', print, 'Ref::jobId', 'Ref::limit', 'Ref::absent', 'id=Ref::jobId'];
  await start({ command, parameters: { limit: '5', jobId: 'default' } });
  const job = await ended(await submit({ parameters: { jobId: 'job $HOME; ls' } }));
  expect(JSON.parse(logOf(job))).toEqual(['job $HOME; ls', '5', 'Ref::absent', 'id=Ref::jobId']);
});

test('the environment of this process does not leak into a job', async () => {
  process.env.SOME_TOKEN_OF_THE_USER = 'secret';
  try {
    await start({
      command: [NODE, '-e', 'console.log(JSON.stringify(process.env))'],
      environment: { FROM_DEFINITION: 'a', OVERRIDDEN: 'a' },
      secrets: { API_KEY: 'key' },
    });
    const environment = [{ name: 'OVERRIDDEN', value: 'b' }];
    const jobId = await submit({ containerOverrides: { environment } });
    expect(JSON.parse(logOf(await ended(jobId)))).toEqual({
      PATH: process.env.PATH,
      FROM_DEFINITION: 'a',
      OVERRIDDEN: 'b',
      API_KEY: 'key',
      AWS_BATCH_JOB_ID: jobId,
      AWS_BATCH_JOB_ATTEMPT: '1',
      AWS_BATCH_JQ_NAME: 'queue',
    });
    const { container } = await describe(jobId);
    expect(container!.environment).toEqual([
      { name: 'FROM_DEFINITION', value: 'a' },
      { name: 'OVERRIDDEN', value: 'b' },
    ]);
    expect(JSON.stringify(container)).not.toContain('"key"');
  } finally {
    delete process.env.SOME_TOKEN_OF_THE_USER;
  }
});

test('a failed attempt is retried until one succeeds, and each has its number', async () => {
  await start({ command: [NODE, '-e', 'process.exit(process.env.AWS_BATCH_JOB_ATTEMPT === "2" ? 0 : 7)'] });
  const job = await ended(await submit({ retryStrategy: { attempts: 3 } }));
  expect(job.status).toBe('SUCCEEDED');
  expect(job.attempts!.map((attempt) => attempt.container!.exitCode)).toEqual([7, 0]);
});

test('a job fails when its attempts are used up', async () => {
  await start({ command: [NODE, '-e', 'process.exit(7)'], attempts: 2 });
  const job = await ended(await submit());
  expect(job).toMatchObject({ status: 'FAILED', statusReason: 'Essential container in task exited' });
  expect(job.attempts!.map((attempt) => attempt.container!.exitCode)).toEqual([7, 7]);
  expect(job.container!.exitCode).toBe(7);
});

test('evaluateOnExit decides by its first matching rule, and an attempt without one is retried', async () => {
  await start({
    command: [NODE, '-e', 'process.exit(Number(process.argv[1]))', 'Ref::exitCode'],
    attempts: 1,
  });
  const attemptsOf = async (exitCode: string) => {
    const evaluateOnExit = [
      { onExitCode: '42', onStatusReason: 'Host EC2*', action: 'EXIT' as const },
      { onExitCode: '42', onStatusReason: 'Essential*', action: 'RETRY' as const },
      { onExitCode: '4*', action: 'EXIT' as const },
    ];
    const retryStrategy = { attempts: 2, evaluateOnExit };
    return (await ended(await submit({ parameters: { exitCode }, retryStrategy }))).attempts!.length;
  };
  expect(await Promise.all(['42', '43', '5'].map(attemptsOf))).toEqual([2, 1, 2]);
});

test('a worker that lost its host is retried, and one that failed by itself is not', async () => {
  await start({
    command: [NODE, '-e', 'process.exit(Number(process.argv[1]))', 'Ref::exitCode'],
    attempts: 2,
    evaluateOnExit: NOT_TRIED_AGAIN,
  });
  const attemptsOf = async (exitCode: string) =>
    (await ended(await submit({ parameters: { exitCode } }))).attempts!.length;
  // Stopped, killed, service error; then a bug, and a heap that was too small.
  expect(await Promise.all(['143', '137', '75', '1', '134'].map(attemptsOf))).toEqual([2, 2, 2, 1, 1]);
});

test('a program that does not exist fails its job, and the reason names it', async () => {
  await start({ command: ['/no/such/program'] });
  expect(await ended(await submit())).toMatchObject({
    status: 'FAILED',
    statusReason: 'Task failed to start',
    container: { reason: expect.stringContaining('/no/such/program') },
  });
  const next = await ended(await submit({ containerOverrides: { command: [NODE, '-e', '0'] } }));
  expect(next.status).toBe('SUCCEEDED');
});

// Ignores SIGTERM, and so does its child, whose pid it prints.
const STUBBORN_FAMILY = `
  process.on('SIGTERM', () => {});
  const child = require('node:child_process').spawn(process.execPath, ['-e',
    'process.on("SIGTERM", () => {}); console.log(process.pid); setInterval(() => {}, 1000)'], { stdio: 'inherit' });
  setInterval(() => {}, 1000);
`;

test('a timeout ends the whole process group, a grandchild that ignores SIGTERM too, and is not retried', async () => {
  await start(
    { command: [NODE, '-e', STUBBORN_FAMILY], timeoutSeconds: 1, attempts: 3 },
    { stopTimeoutSeconds: 0.2 },
  );
  const jobId = await submit();
  const { container } = await running(jobId);
  const grandchild = Number(
    await until('the log', () => readFileSync(batchLogFile(folder, container!.logStreamName!), 'utf8')),
  );
  expect(isAlive(grandchild)).toBe(true);

  const job = await ended(jobId);
  expect(job).toMatchObject({
    status: 'FAILED',
    statusReason: 'Job attempt duration exceeded timeout',
    attempts: [{ container: { exitCode: 137 }, statusReason: 'Job attempt duration exceeded timeout' }],
  });
  expect(job.attempts).toHaveLength(1);
  await until('the end of the process', () => !isAlive(grandchild));
});

test('a grandchild does not outlive a job that has ended by itself', async () => {
  const leave = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    console.log(child.pid);
    child.unref();
    child.stdin.destroy(); child.stdout.destroy(); child.stderr.destroy();
  `;
  await start({ command: [NODE, '-e', leave] });
  const job = await ended(await submit());
  expect(job.status).toBe('SUCCEEDED');
  await until('the end of the process', () => !isAlive(Number(logOf(job))));
});

test('TerminateJob ends a running job with its reason and without another attempt, even if it exits with 0', async () => {
  await start({
    command: [
      NODE,
      '-e',
      'process.on("SIGTERM", () => process.exit(0)); console.log("ready"); setInterval(() => {}, 1000)',
    ],
    attempts: 3,
  });
  const jobId = await submit();
  await until('the log', async () => logOf(await running(jobId)));
  await client.send(new TerminateJobCommand({ jobId, reason: 'the user cancelled' }));
  const job = await ended(jobId);
  expect(job).toMatchObject({ status: 'FAILED', statusReason: 'the user cancelled', isTerminated: true });
  expect(job.attempts).toHaveLength(1);
});

test('CancelJob ends a waiting job and does nothing to a running one', async () => {
  await start({}, { maxRunning: 1 });
  const [first, second, third] = [await submit(), await submit(), await submit()];
  await running(first);
  await client.send(new CancelJobCommand({ jobId: first, reason: 'too late' }));
  await client.send(new CancelJobCommand({ jobId: second, reason: 'not needed' }));
  await client.send(new TerminateJobCommand({ jobId: third, reason: 'swept' }));
  expect(await ended(second)).toMatchObject({
    status: 'FAILED',
    statusReason: 'not needed',
    isCancelled: true,
    attempts: [],
  });
  expect(await ended(third)).toMatchObject({ status: 'FAILED', statusReason: 'swept', attempts: [] });
  expect((await describe(first)).status).toBe('RUNNING');
});

test('jobs start in the order of their submission, and no more than maxRunning at once', async () => {
  await start({ command: [NODE, '-e', ''] }, { maxRunning: 2 });
  const jobIds: string[] = [];
  for (let job = 0; job < 7; job++) jobIds.push(await submit({ jobName: `job-${job}` }));
  await Promise.all(jobIds.map(ended));

  const starts = changes.filter((job) => job.status === 'STARTING').map((job) => job.jobId);
  expect(starts).toEqual(jobIds);
  let now = 0;
  let most = 0;
  for (const { status } of changes) {
    if (status === 'STARTING') most = Math.max(most, ++now);
    if (status === 'SUCCEEDED') now--;
  }
  expect(most).toBe(2);
});

test('a list by name prefix finds jobs of every status over several pages, newest first', async () => {
  await start({}, { maxRunning: 1 });
  const name = (job: number) => `job-A-${job}`;
  for (let job = 0; job < 5; job++) await submit({ jobName: name(job) });
  await submit({ jobName: 'job-B-0' });
  await client.send(new TerminateJobCommand({ jobId: await submit({ jobName: name(5) }), reason: 'x' }));

  const names: string[] = [];
  const statuses = new Set<string>();
  let nextToken: string | undefined;
  do {
    const filters = [{ name: 'JOB_NAME', values: ['JOB-A-*'] }];
    const page = await client.send(
      new ListJobsCommand({ jobQueue: 'queue', filters, maxResults: 2, nextToken }),
    );
    expect(page.jobSummaryList!.length).toBeLessThanOrEqual(2);
    for (const job of page.jobSummaryList!) {
      names.push(job.jobName!);
      statuses.add(job.status!);
    }
    nextToken = page.nextToken;
    if (names.length === 2) await submit({ jobName: 'job-A-meanwhile' });
  } while (nextToken);
  expect(names).toEqual([5, 4, 3, 2, 1, 0].map(name));
  expect(statuses).toEqual(new Set(['FAILED', 'RUNNABLE', 'RUNNING']));

  const list = async (input: object) => {
    const page = await client.send(new ListJobsCommand({ jobQueue: 'queue', ...input }));
    return page.jobSummaryList!.map((job) => job.jobName);
  };
  expect(await list({})).toEqual([name(0)]);
  expect(await list({ jobStatus: 'FAILED' })).toEqual([name(5)]);
});

test('unknown jobs are left out of DescribeJobs, and ending one is not an error', async () => {
  await start();
  const jobId = await submit();
  const { jobs } = await client.send(new DescribeJobsCommand({ jobs: ['unknown', jobId] }));
  expect(jobs!.map((job) => job.jobId)).toEqual([jobId]);
  await client.send(new TerminateJobCommand({ jobId: 'unknown', reason: 'sweep' }));
});

test('a limited number of ended jobs is remembered, so that a long run does not fill the memory', async () => {
  await start({ command: [NODE, '-e', ''] }, { endedJobsKept: 2, maxRunning: 1 });
  const jobIds = [await submit(), await submit(), await submit()];
  await Promise.all(jobIds.map(ended));
  const { jobs } = await client.send(new DescribeJobsCommand({ jobs: jobIds }));
  expect(jobs!.map((job) => job.jobId)).toEqual(jobIds.slice(1));
});

test.each<[string, Partial<SubmitJobCommandInput>, RegExp]>([
  ['a job name with a slash', { jobName: 'octo/repo' }, /jobName: received "octo\/repo", expected/],
  ['a job name of 129 characters', { jobName: 'a'.repeat(129) }, /expected 1 to 128/],
  ['an unknown queue', { jobQueue: 'other' }, /Job queue other does not exist/],
  ['an unknown job definition', { jobDefinition: 'worker:2' }, /Job definition worker:2 does not exist/],
  [
    'overrides over 8,192 characters',
    { containerOverrides: { command: ['x'.repeat(8192)] } },
    /at most 8192/,
  ],
  ['a payload over 30 KiB', { parameters: { text: 'x'.repeat(31 * 1024) } }, /less than 30 KiB/],
  [
    'a reserved variable',
    { containerOverrides: { environment: [{ name: 'AWS_BATCH_JOB_ID', value: 'x' }] } },
    /AWS_BATCH/,
  ],
  ['11 attempts', { retryStrategy: { attempts: 11 } }, /retryStrategy.attempts/],
  ['a timeout under 60 s', { timeout: { attemptDurationSeconds: 59 } }, /timeout.attemptDurationSeconds/],
  ['an array job, which would run once only', { arrayProperties: { size: 2 } }, /arrayProperties/],
])('%s is refused as a ClientException with the reason', async (_, input, message) => {
  await start();
  await expect(submit(input)).rejects.toMatchObject({
    name: 'ClientException',
    message: expect.stringMatching(message),
  });
  expect(changes).toEqual([]);
});

test('an unknown operation is refused by name', async () => {
  await start();
  await expect(client.send(new ListSchedulingPoliciesCommand({}))).rejects.toMatchObject({
    name: 'ClientException',
    message: expect.stringContaining('/v1/listschedulingpolicies'),
    $metadata: { httpStatusCode: 400 },
  });
});

test('queue, job definition and compute environment can be described', async () => {
  await start({ attempts: 3, secrets: { API_KEY: 'key' } });
  const { jobQueues } = await client.send(new DescribeJobQueuesCommand({ jobQueues: ['queue'] }));
  const { computeEnvironments } = await client.send(new DescribeComputeEnvironmentsCommand({}));
  const describe = async (name: string) => {
    const named = new DescribeComputeEnvironmentsCommand({ computeEnvironments: [name] });
    return (await client.send(named)).computeEnvironments;
  };
  expect(await describe('cody-batch-local-compute')).toEqual(computeEnvironments);
  expect(await describe('of-somebody-else')).toEqual([]);
  const { jobDefinitions } = await client.send(
    new DescribeJobDefinitionsCommand({ jobDefinitionName: 'worker' }),
  );
  expect(jobQueues![0]).toMatchObject({ jobQueueName: 'queue', state: 'ENABLED', status: 'VALID' });
  expect(jobQueues![0]!.computeEnvironmentOrder![0]!.computeEnvironment).toBe(
    computeEnvironments![0]!.computeEnvironmentArn,
  );
  expect(jobDefinitions![0]).toMatchObject({ status: 'ACTIVE', revision: 1, retryStrategy: { attempts: 3 } });
});

test('a web page cannot submit a job', async () => {
  await start();
  const body = JSON.stringify({ jobName: 'job', jobQueue: 'queue', jobDefinition: 'worker' });
  const headers = { origin: 'https://example.com', 'content-type': 'application/json' };
  const answer = await fetch(`${batch!.url}/v1/submitjob`, { method: 'POST', headers, body });
  expect(answer.status).toBe(403);
  expect(changes).toEqual([]);
});

test('close ends the running jobs without events, and releases the data folder', async () => {
  await start({ command: [NODE, '-e', 'console.log(process.pid); setInterval(() => {}, 1000)'] });
  const job = await running(await submit());
  const pid = Number(await until('the log', () => logOf(job)));
  const told = changes.length;
  await batch!.close();
  batch = undefined;
  expect(isAlive(pid)).toBe(false);
  expect(changes).toHaveLength(told);
  await start();
  expect((await running(await submit())).status).toBe('RUNNING');
});

test('a second Batch on the same data folder is refused, and ends none of the first one’s jobs', async () => {
  await start();
  const jobId = await submit();
  await running(jobId);
  const other = startBatch({
    access: 'anyone',
    dataFolder: folder,
    jobQueue: 'queue',
    jobDefinitions: [{ name: 'worker', command: SLEEP, environment: {}, attempts: 1, timeoutSeconds: 60 }],
    maxRunning: 1,
  });
  await expect(other).rejects.toMatchObject({
    name: 'ConflictError',
    message: expect.stringContaining(folder),
  });
  expect((await describe(jobId)).status).toBe('RUNNING');
});

test('workers left behind by kill -9 are ended with their groups before the next Batch listens', async () => {
  const server = new URL('../../../local/batch/server.ts', import.meta.url);
  const script = `
    import { startBatch } from ${JSON.stringify(server.href)};
    const { url } = await startBatch({
      access: 'anyone',
      dataFolder: ${JSON.stringify(folder)}, jobQueue: 'queue', maxRunning: 1, stopTimeoutSeconds: 1,
      jobDefinitions: [{ name: 'worker', command: [process.execPath, '-e', ${JSON.stringify(STUBBORN_FAMILY)}],
        environment: {}, attempts: 1, timeoutSeconds: 60 }],
    });
    console.log(url);
  `;
  const host = spawn(NODE, ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(host);
  const [url] = (await once(host.stdout!, 'data')) as [Buffer];
  client = clientOf(url.toString().trim());
  const jobId = await submit();
  const log = batchLogFile(folder, `worker/default/${jobId}-1`);
  const grandchild = Number(
    await until(
      'the start and its log',
      async () => (await describe(jobId)).startedAt && readFileSync(log, 'utf8'),
    ),
  );
  const leader = Number(execFileSync('ps', ['-o', 'pgid=', '-p', String(grandchild)], { encoding: 'utf8' }));
  host.kill('SIGKILL');
  await once(host, 'exit');
  expect([isAlive(leader), isAlive(grandchild)]).toEqual([true, true]);
  client.destroy();

  await start({}, { stopTimeoutSeconds: 0.2 });
  expect(isAlive(leader)).toBe(false);
  await until('the end of the process', () => !isAlive(grandchild));
  const { jobs } = await client.send(new DescribeJobsCommand({ jobs: [jobId] }));
  expect(jobs).toEqual([]);
});

/** Prints the pid of a child that left its group and session, writes a file, and dies. */
const DYING_PARENT = `
  const { spawn } = require('node:child_process');
  const { writeFileSync } = require('node:fs');
  const folder = process.env.TEMP_DIR;
  const env = { HOME: folder + '/home' };
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore', env });
  writeFileSync(folder + '/left', '');
  console.log(child.pid + ' ' + folder);
  process.kill(process.pid, 'SIGKILL');
`;

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
  'an attempt that is killed leaves neither files nor processes to the next, whatever group those are in',
  async () => {
    const tmp = path.join(folder, 'tmp');
    const scratch = { folder: tmp, variable: 'TEMP_DIR' as const };
    await start({ command: [NODE, '-e', DYING_PARENT], attempts: 2, scratch });
    const job = await ended(await submit());
    const left = job.attempts!.map(({ container }) =>
      readFileSync(batchLogFile(folder, container!.logStreamName!), 'utf8').trim().split(' '),
    );
    expect(new Set(left.map(([, attemptFolder]) => attemptFolder)).size).toBe(2);
    await until('the end of what was left', () => left.every(([pid]) => !isAlive(Number(pid))));
    expect(readdirSync(tmp)).toEqual([]);
  },
);

onLinux(
  'what lives in the folders of an earlier process is ended and removed, even where no record names it',
  async () => {
    const tmp = path.join(folder, 'tmp');
    mkdirSync(path.join(tmp, 'attempt/home'), { recursive: true });
    const live = (home: string) => {
      const child = spawn(SLEEP[0]!, SLEEP.slice(1), {
        detached: true,
        stdio: 'ignore',
        env: { HOME: home },
      });
      started.push(child);
      return child.pid!;
    };
    const inhabitant = live(path.join(tmp, 'attempt/home'));
    const neighbour = live(`${tmp}-of-another`);
    await start({ scratch: { folder: tmp, variable: 'TEMP_DIR' } });
    await until('the end of the process', () => !isAlive(inhabitant));
    expect(isAlive(neighbour)).toBe(true);
    expect(readdirSync(tmp)).toEqual([]);
  },
);

test.each([
  ['by the kernel’s start time', { start: 'another boot 1' }],
  ['by the listed start time, where there is no /proc', {}],
])('a process with the pid of an earlier worker is not ended: distinguished %s', async (_, identity) => {
  const bystander = spawn(SLEEP[0]!, SLEEP.slice(1), { detached: true, stdio: 'ignore' });
  started.push(bystander);
  await start();
  await batch!.close();
  const record = { pid: bystander.pid, startedAt: Date.now() - 3_600_000, ...identity };
  writeFileSync(path.join(folder, 'running', `${bystander.pid}.json`), JSON.stringify(record));
  await start();
  expect(isAlive(bystander.pid!)).toBe(true);
});

test('a worker left behind is ended without /proc, too', async () => {
  const orphan = spawn(SLEEP[0]!, SLEEP.slice(1), { detached: true, stdio: 'ignore' });
  started.push(orphan);
  await start();
  await batch!.close();
  const record = { pid: orphan.pid, startedAt: Date.now() };
  writeFileSync(path.join(folder, 'running', `${orphan.pid}.json`), JSON.stringify(record));
  await start();
  expect(isAlive(orphan.pid!)).toBe(false);
});
