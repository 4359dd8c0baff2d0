import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { BatchClient, paginateListJobs, TerminateJobCommand } from '@aws-sdk/client-batch';
import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { isEnded } from '../../core/job.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { assemble, type CloudAssembly } from '../support/cloud-assembly.ts';
import type { JobWithResults } from '../support/end-of-job.ts';
import { repositoryOfRequest, writeAndSubmit } from '../support/fleet.ts';
import { git } from '../support/git.ts';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.ts';
import { startSecretsManager } from '../support/secrets-manager.ts';
import { type ServedStack, startStackProcess } from '../support/stack.ts';
import { watched } from '../support/synthesized.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { repositoryOf } from '../support/work-trees.ts';

const CLAIMS = {
  sub: 'd2a4c6e8',
  email: 'ada@example.com',
  email_verified: 'true',
  'cognito:groups': '[admin]',
};
const SECRETS = {
  CLAUDE_API_KEY_SECRET_ID: 'sk-ant-not-a-real-key',
  GITHUB_TOKEN_SECRET_ID: 'a-token-that-reads',
  GITHUB_WRITE_TOKEN_SECRET_ID: 'a-token-that-writes',
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let assembly: CloudAssembly;
let model: ScriptedModel;
let secrets: Awaited<ReturnType<typeof startSecretsManager>>;
let stack: ServedStack;
let holdModel = Promise.resolve();

beforeAll(async () => {
  folder = await temporaryFolder();
  // Of which the tests of the template have made the assembly.
  assembly = await assemble('dev', await watched());
  model = await startScriptedModel(async (request) => {
    const name = repositoryOfRequest(request);
    if (name === 'taken') await takeBranch();
    if (name !== 'changed') await holdModel;
    return writeAndSubmit(request);
  });
  secrets = await startSecretsManager(SECRETS);
  const functions = assembly.functions.map((one) => ({ ...one, folder: alone(one.name, one.folder) }));
  const image = alone('image', path.join(assembly.imageFolder, 'app'));
  const { CLAUDE_API_KEY_SECRET_ID, GITHUB_TOKEN_SECRET_ID } = SECRETS;
  const secretIds = Object.fromEntries(
    Object.keys({ CLAUDE_API_KEY_SECRET_ID, GITHUB_TOKEN_SECRET_ID }).map((name) => [name, name]),
  );
  const environment = { AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url };
  stack = await startStackProcess(
    {
      given: { ANTHROPIC_BASE_URL: model.url, ...secretIds },
      gitHub: 'local',
      model: 'claude',
      maxRunning: 2,
      shared: false,
      workerCommand: [
        ...['/bin/sh', '-c', 'cd "$0" && exec "$@"', image],
        ...['/usr/bin/env', `AWS_ENDPOINT_URL_SECRETS_MANAGER=${secrets.url}`, process.execPath],
        ...[path.join(image, 'worker.mjs'), ...WORKER_ARGUMENTS],
      ],
      assembled: { functions, folder: path.join(folder.path, 'functions'), environment, claims: CLAIMS },
    },
    { PATH: onlyGit() },
  );
  const trees = ['changed', 'taken', 'lost'].map((name) => path.join(folder.path, 'trees', name));
  for (const tree of trees) await repositoryOf(tree, { 'a.txt': `${path.basename(tree)}\n` });
  await registerWorkTrees(await Promise.all(trees.map(inspectWorkTree)), stack.gitHub);
});
afterAll(async () => {
  await stack?.close();
  await secrets?.close();
  await model?.close();
  await assembly?.remove();
  await folder?.remove();
});

/** A copy of the assembly from which no package of this project can be resolved. */
function alone(name: string, source: string): string {
  const copy = path.join(folder.path, 'alone', name);
  cpSync(source, copy, { recursive: true });
  return copy;
}

/** A folder for PATH that has only git. */
function onlyGit(): string {
  const bin = path.join(folder.path, 'bin');
  mkdirSync(bin);
  const git = process.env
    .PATH!.split(':')
    .map((place) => path.join(place, 'git'))
    .find((file) => existsSync(file))!;
  symlinkSync(git, path.join(bin, 'git'));
  return bin;
}

/** While the model works: a branch that is taken before is refused before the model is paid. */
async function takeBranch(): Promise<void> {
  const taken = path.join(folder.path, 'trees/taken');
  await git(taken, 'commit', '--quiet', '--allow-empty', '--message', 'A person’s work');
  await git(
    taken,
    'push',
    '--quiet',
    '--force',
    `${stack.gitHub}/local/taken.git`,
    'HEAD:refs/heads/cody/one',
  );
}

async function call(method: string, route: string, body?: object) {
  const response = await fetch(`${stack.api}${route}`, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
}

async function start(repositories: string[], request: object = {}): Promise<string> {
  const { status, json, text } = await call('POST', '/jobs', { prompt: 'Edit.', repositories, ...request });
  if (status !== 201) throw new Error(`POST /jobs answered ${status}: ${text}`);
  return json.jobId;
}

const ended = (jobId: string) =>
  until(
    `the end of ${jobId}`,
    async (): Promise<JobWithResults | undefined> => {
      const { json } = await call('GET', `/jobs/${jobId}`);
      return isEnded(json.status) ? json : undefined;
    },
    120_000,
  );

const processing = (jobId: string) =>
  until(`a repository of ${jobId} that runs`, async () => {
    const { json } = await call('GET', `/jobs/${jobId}`);
    return json.results.some(({ startedAt }: { startedAt?: string }) => startedAt);
  });

/** Ends the Batch job of a repository, as a user can in the console. */
async function terminate(jobId: string, name: string): Promise<void> {
  const client = new BatchClient({ ...LOCAL_AWS, endpoint: stack.awsVariables.AWS_ENDPOINT_URL_BATCH! });
  const filters = [{ name: 'JOB_NAME', values: [`${jobId}-1-local_${name}`] }];
  for await (const { jobSummaryList } of paginateListJobs(
    { client },
    { jobQueue: 'cody-batch-local-job-queue', filters },
  )) {
    for (const job of jobSummaryList ?? [])
      await client.send(new TerminateJobCommand({ jobId: job.jobId!, reason: 'Ended by a test.' }));
  }
  client.destroy();
}

test('a whole job with its pull request runs through the deployed bundles, and each failure has its name', async () => {
  const lost = Promise.withResolvers<void>();
  holdModel = lost.promise;

  const jobId = await start(
    ['changed', 'taken', 'lost', 'absent'].map((name) => `local/${name}`),
    {
      createPullRequests: true,
      pullRequest: { branch: 'cody/one' },
    },
  );
  await until('the lost one to run', async () => {
    const { json } = await call('GET', `/jobs/${jobId}/repositories/local/lost`);
    return json?.startedAt;
  });
  await terminate(jobId, 'lost');
  lost.resolve();
  const job = await ended(jobId);

  expect(job).toMatchObject({ status: 'completed', createdBy: 'ada@example.com' });
  const results = Object.fromEntries(job.results.map((result) => [result.repositoryName, result]));
  expect(results).toMatchObject({
    'local/changed': { outcome: 'changed', pullRequest: { state: 'open' } },
    'local/taken': {
      outcome: 'changed',
      pullRequest: { state: 'failed', error: { name: 'BranchHasOtherCommitsError' } },
    },
    'local/lost': { outcome: 'failed', error: { name: 'WorkerLostError' } },
    'local/absent': { outcome: 'failed', error: { name: 'RepositoryUnavailableError' } },
  });
  // One look at what the credential may, and a pull request of each change.
  expect(invocations().filter((name) => name === 'open-pull-request')).toHaveLength(3);
  expect((await fetch(results['local/changed']!.pullRequestUrl!)).status).toBe(200);

  const result = `/jobs/${jobId}/repositories/local/changed`;
  expect((await call('GET', `${result}/diff`)).text).toContain('+two');
  expect((await call('GET', `${result}/claude-thread`)).text).toContain('task_complete');
  expect((await call('GET', `${result}/log`)).text).toContain('local/changed');
  expect((await call('GET', '/repositories')).json.repositories).toContain('local/taken');
  expect((await call('GET', '/health')).json).toMatchObject({ status: 'ok' });
});

test('an impossible job fails by name and is not retried', async () => {
  const before = invocations().length;
  const job = await ended(await start(['local/*'], { maxRepositories: 1 }));
  expect(job).toMatchObject({ status: 'failed', error: { name: 'InvalidInputError' } });
  // Events and schedules invoke their functions in between.
  const steps = invocations()
    .slice(before)
    .filter((name) => ['resolve-repositories', 'fail-job', 'complete-job'].includes(name));
  expect(steps).toEqual(['resolve-repositories', 'fail-job']);
});

test('a job is cancelled, retried and deleted, and a job whose execution is stopped in the console ends', async () => {
  const held = Promise.withResolvers<void>();
  holdModel = held.promise;
  const jobId = await start(['local/taken', 'local/lost']);
  await processing(jobId);
  expect((await call('POST', `/jobs/${jobId}/cancel`)).json).toMatchObject({ status: 'cancelled' });

  const stopped = await start(['local/taken']);
  await processing(stopped);
  const sfn = new SFNClient({ ...LOCAL_AWS, endpoint: stack.awsVariables.AWS_ENDPOINT_URL_SFN! });
  const executionArn = `arn:aws:states:us-east-1:000000000000:execution:cody-batch-local-job:${stopped}-1`;
  await sfn.send(new StopExecutionCommand({ executionArn }));
  sfn.destroy();
  expect(await ended(stopped)).toMatchObject({ status: 'cancelled' });

  held.resolve();
  expect((await call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  expect(await ended(jobId)).toMatchObject({ status: 'completed', run: 2, counts: { completed: 2 } });
  expect((await call('DELETE', `/jobs/${jobId}`)).status).toBe(204);
  expect((await call('GET', `/jobs/${jobId}`)).status).toBe(404);
});

test('these tests ran every function of the template, and each returned a result', async () => {
  // Workers here ask for no credentials, and no credential is rotated; test/e2e/whole-job.moto.test.ts runs those functions.
  // The canary's rule is AWS's.
  const others = ['worker-credentials', 'credentials', 'canary'];
  const names = assembly.functions.map(({ name }) => name).filter((name) => !others.includes(name));
  await until('the last event', () => new Set(invocations()).size === names.length);
  expect([...new Set(invocations())].sort()).toEqual(names.toSorted());
});

test('an error of a function is logged as JSON with the lines of the source, not of the bundle', () => {
  const [failure] = readFileSync(path.join(folder.path, 'functions/open-pull-request.log'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter(({ level }) => level === 'ERROR');
  expect(failure).toMatchObject({
    service: 'cody-batch',
    function_name: 'cody-batch-dev-open-pull-request',
    error: {
      name: 'BranchHasOtherCommitsError',
      stack: expect.stringMatching(/lambdas\/github\/\w+\.ts:\d+/),
    },
  });
});

test('the function behind the API starts from less than 600 KB, with no code of the worker or of CDK in it', () => {
  const { folder } = assembly.functions.find(({ name }) => name === 'api')!;
  const files = readdirSync(folder).map((file) => readFileSync(path.join(folder, file)));
  const zipped = files.map((file) => deflateRawSync(file, { level: 9 }).length);
  expect(zipped.reduce((sum, bytes) => sum + bytes)).toBeLessThan(600_000);
  const map = JSON.parse(readFileSync(path.join(folder, 'index.mjs.map'), 'utf8')) as { sources: string[] };
  const own = map.sources.filter((source) => !source.includes('node_modules'));
  expect(own.some((source) => source.endsWith('lambdas/api/create-job.ts'))).toBe(true);
  expect(own.filter((source) => !/\/(?:core|lambdas)\/|package\.json$/.test(source))).toEqual([]);
  expect(map.sources.filter((source) => source.includes('aws-cdk-lib'))).toEqual([]);
});

function invocations(): string[] {
  return readFileSync(path.join(folder.path, 'functions/invoked.log'), 'utf8').trim().split('\n');
}
