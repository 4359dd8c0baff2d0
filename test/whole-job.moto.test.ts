import path from 'node:path';
import {
  BatchClient,
  DescribeJobsCommand,
  ListJobsCommand,
  paginateListJobs,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { artifactKeys } from '../core/artifacts.ts';
import { isEnded } from '../core/job.ts';
import { createTables } from '../local/dynamodb.ts';
import type { MessageRequest } from '../local/model/conversation.ts';
import type { Reply } from '../local/model/reply.ts';
import { registerWorkTrees } from '../local/register.ts';
import { inspectWorkTree } from '../local/work-tree.ts';
import { workerCommand } from '../worker/bundle.ts';
import { assemble, type CloudAssembly } from './cloud-assembly.ts';
import { type JobWithResults, repositoryOfRequest, writeAndSubmit } from './fleet.ts';
import { type Json, ofType } from './lib/synthesized.ts';
import type { Statement } from './policies/evaluate.ts';
import { judge, type PolicyProxy, startPolicyProxy } from './policies/proxy.ts';
import { Deployed } from './policies/template-roles.ts';
import { until } from './process-tree.ts';
import { type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { type ServedStack, startStackProcess, temporaryFolder } from './stack.ts';
import { git, repositoryOf } from './work-trees.ts';
import { copyWorkerBundle } from './worker-bundle.ts';

/**
 * A job with everything switched on, on moto's DynamoDB, S3 and Secrets Manager and the local Batch and Step Functions,
 * all behind a proxy that holds each role to the policies of the synthesized template. The environment is called `local`,
 * so that what the template names is what the local stack has.
 */
const MOTO = process.env.MOTO_URL!;
const NAMES = Array.from({ length: 20 }, (_, index) => `r${String(index).padStart(2, '0')}`);
const OTHERS = ['held-a', 'held-b', 'taken', 'stopped'];
const SECRETS: Record<string, string> = {
  CLAUDE_API_KEY: 'sk-ant-not-a-real-key',
  GITHUB_TOKEN: 'a-token-that-reads',
  GITHUB_WRITE_TOKEN: 'a-token-that-writes',
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let assembly: CloudAssembly;
let model: ScriptedModel;
let proxy: PolicyProxy;
let stack: ServedStack;
const roles = new Map<string, readonly Statement[]>();
let worker = '';
let refusals = 0;
const asked: string[] = [];
let held = Promise.withResolvers<void>();

beforeAll(async () => {
  [folder, assembly] = await Promise.all([temporaryFolder(), assemble('local')]);
  const { template } = assembly;
  const secretArns = await makeSecrets();
  await makeStores();

  const deployed = new Deployed(template, secretArns.byLogicalId);
  const [[, definition]] = ofType(template, 'AWS::Batch::JobDefinition') as [[string, Json]];
  const [[, machine]] = ofType(template, 'AWS::StepFunctions::StateMachine') as [[string, Json]];
  const roleOf = (reference: Json) => reference['Fn::GetAtt'][0] as string;
  worker = roleOf(definition.ContainerProperties.JobRoleArn);
  const stateMachine = roleOf(machine.RoleArn);
  for (const role of [worker, stateMachine, ...assembly.functions.map(({ role }) => role)])
    roles.set(role, deployed.statements(role));

  proxy = await startPolicyProxy(roles);
  for (const service of ['dynamodb', 's3', 'secretsmanager']) proxy.upstreams.set(service, MOTO);
  model = await startScriptedModel(answer);
  const services = ['DYNAMODB', 'S3', 'SECRETS_MANAGER', 'SFN', 'BATCH'];
  const variables = {
    ...Object.fromEntries(services.map((service) => [`AWS_ENDPOINT_URL_${service}`, proxy.url])),
    ARTIFACTS_URL: 's3://cody-batch-local-artifacts-000000000000-us-east-1',
    AWS_ACCESS_KEY_ID: stateMachine,
  };
  const bundle = await copyWorkerBundle(path.join(folder.path, 'worker'));
  const ids = secretArns.byVariable;
  stack = await startStackProcess({
    given: {
      ANTHROPIC_BASE_URL: model.url,
      CLAUDE_PATIENCE_SECONDS: '2',
      CLAUDE_API_KEY_SECRET_ID: ids.CLAUDE_API_KEY_SECRET_ID,
      GITHUB_TOKEN_SECRET_ID: ids.GITHUB_TOKEN_SECRET_ID,
    },
    ...{ gitHub: 'local', model: 'claude', maxRunning: 4, shared: false, timeScale: 20 },
    workerCommand: [
      ...['/usr/bin/env', `AWS_ACCESS_KEY_ID=${worker}`],
      ...[...workerCommand(bundle), 'Ref::jobId', 'Ref::repositoryName'],
    ],
    elsewhere: {
      ...{ dynamodbUrl: proxy.url, batchUrl: proxy.url, accessKeyId: stateMachine, variables },
      artifactsUrl: variables.ARTIFACTS_URL,
    },
    assembled: {
      functions: assembly.functions.map((one) => ({
        ...one,
        variables: { ...one.variables, AWS_ACCESS_KEY_ID: one.role },
      })),
      folder: path.join(folder.path, 'functions'),
      environment: { ...ids },
      claims: {
        sub: 'd2a4c6e8',
        email: 'ada@example.com',
        email_verified: 'true',
        'cognito:groups': '[admin]',
      },
    },
  });
  proxy.upstreams.set('batch', stack.awsVariables.AWS_ENDPOINT_URL_BATCH!);
  proxy.upstreams.set('states', stack.awsVariables.AWS_ENDPOINT_URL_SFN!);
  const trees = [...NAMES, ...OTHERS].map((name) => path.join(folder.path, 'trees', name));
  for (const tree of trees) await repositoryOf(tree, { 'a.txt': `${path.basename(tree)}\n` });
  await registerWorkTrees(await Promise.all(trees.map(inspectWorkTree)), stack.gitHub);
}, 600_000);
afterAll(async () => {
  held.resolve();
  await stack?.close();
  await proxy?.close();
  await model?.close();
  await assembly?.remove();
  await folder?.remove();
});

/** One repository is told to wait for longer than a worker does; those that are held wait for the test. */
async function answer(request: MessageRequest): Promise<Reply> {
  const name = repositoryOfRequest(request);
  asked.push(name);
  if (name === 'r03' && ++refusals === 1)
    return {
      status: 429,
      type: 'rate_limit_error',
      message: 'This would exceed the rate limit.',
      headers: { 'retry-after': '5' },
    };
  if (OTHERS.includes(name)) await held.promise;
  return writeAndSubmit(request);
}

const connection = (endpoint: string) => ({
  region: 'us-east-1',
  credentials: { accessKeyId: 'administrator', secretAccessKey: 'test' },
  endpoint,
});

/** With values, and what a deployment would have for each: its ARN, by the template's resource and by the setting. */
async function makeSecrets() {
  const client = new SecretsManagerClient(connection(MOTO));
  const byVariable: Record<string, string> = {};
  const byLogicalId: Record<string, string> = {};
  for (const [id, { Name }] of ofType(assembly.template, 'AWS::SecretsManager::Secret')) {
    const [variable] = assembly.functions
      .flatMap(({ secretIds }) => Object.entries(secretIds))
      .concat(workerSecrets())
      .find(([, resource]) => resource === id)!;
    const SecretString = SECRETS[variable.replace('_SECRET_ID', '')]!;
    const { ARN } = await client.send(new CreateSecretCommand({ Name, SecretString }));
    byVariable[variable] = ARN!;
    byLogicalId[id] = ARN!;
  }
  client.destroy();
  return { byVariable, byLogicalId };
}

function workerSecrets(): [string, string][] {
  const [[, definition]] = ofType(assembly.template, 'AWS::Batch::JobDefinition') as [[string, Json]];
  return definition.ContainerProperties.Environment.filter(({ Name }: Json) =>
    Name.endsWith('_SECRET_ID'),
  ).map(({ Name, Value }: Json) => [Name, Value.Ref]);
}

async function makeStores(): Promise<void> {
  const dynamodb = new DynamoDBClient(connection(MOTO));
  await createTables(dynamodb, {
    jobsTable: 'cody-batch-local-jobs',
    repositoriesTable: 'cody-batch-local-repositories',
  });
  dynamodb.destroy();
  const s3 = new S3Client(connection(MOTO));
  await s3.send(new CreateBucketCommand({ Bucket: 'cody-batch-local-artifacts-000000000000-us-east-1' }));
  s3.destroy();
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

async function start(names: readonly string[], request: object = {}): Promise<string> {
  const repositories = names.map((name) => `local/${name}`);
  const { status, json, text } = await call('POST', '/jobs', { prompt: 'Edit.', repositories, ...request });
  expect([status, text]).toEqual([201, expect.anything()]);
  return json.jobId;
}

const ended = (jobId: string) =>
  until(
    `the end of ${jobId} (${proxy.faults.join('; ')})`,
    async (): Promise<JobWithResults | undefined> => {
      const { json } = await call('GET', `/jobs/${jobId}?limit=100`);
      return isEnded(json.status) ? json : undefined;
    },
    500_000,
  );

/** Waits until the model was asked about it. */
const begun = (name: string) => until(`a conversation about ${name}`, () => asked.includes(name));

async function terminateBatchJob(jobId: string, name: string): Promise<void> {
  const client = new BatchClient(connection(stack.awsVariables.AWS_ENDPOINT_URL_BATCH!));
  const filters = [{ name: 'JOB_NAME', values: [`${jobId}-1-local_${name}`] }];
  const pages = paginateListJobs({ client }, { jobQueue: 'cody-batch-local-job-queue', filters });
  for await (const { jobSummaryList = [] } of pages) {
    for (const job of jobSummaryList)
      await client.send(new TerminateJobCommand({ jobId: job.jobId!, reason: 'Ended by a test.' }));
  }
  client.destroy();
}

test('a job of 20 repositories with pull requests, checks and a throttled model passes by the deployed policies', async () => {
  const jobId = await start(NAMES, {
    createPullRequests: true,
    // In waves, so that pull requests are opened beside the analysis too.
    maxConcurrency: 10,
    settings: { setup: ['true'], verify: ['test -f b.txt'] },
  });
  const job = await ended(jobId);
  expect(proxy.faults).toEqual([]);
  expect(job).toMatchObject({ status: 'completed', counts: { total: 20, completed: 20 } });
  expect(job.results.map(({ pullRequest }) => pullRequest?.state)).toEqual(NAMES.map(() => 'open'));
  expect(refusals).toBeGreaterThan(1);
  const looks = proxy.seen.filter(
    ({ role, call }) => role.includes('ResolvePullRequests') && call.action === 'dynamodb:Query',
  );
  expect(looks.length).toBeGreaterThan(0);
  const row = `/jobs/${jobId}/repositories/local/r03`;
  expect((await call('GET', row)).json.attempts).toBeGreaterThan(1);
  expect((await call('GET', `${row}/diff`)).text).toContain('+two');
  expect((await call('GET', `${row}/claude-thread`)).text).toContain('task_complete');
  expect((await call('GET', `${row}/log`)).text).toContain('local/r03');
  expect((await call('GET', '/repositories')).json.repositories).toContain('local/r03');
  expect((await call('GET', '/jobs')).json.jobs).toHaveLength(1);
  expect((await call('GET', '/health')).json).toMatchObject({ status: 'ok' });
}, 600_000);

test('so do a cancel, a retry, pull requests afterwards, a delete, and each way to fail', async () => {
  const cancelled = await start(['held-a', 'held-b']);
  await begun('held-a');
  expect((await call('POST', `/jobs/${cancelled}/cancel`)).status).toBeLessThan(300);
  expect(await ended(cancelled)).toMatchObject({ status: 'cancelled' });
  held.resolve();
  expect(await until('a retry', () => accepted('POST', `/jobs/${cancelled}/retry`))).toBe(true);
  expect(await ended(cancelled)).toMatchObject({ status: 'completed', run: 2, counts: { completed: 2 } });
  expect((await call('POST', `/jobs/${cancelled}/pull-requests`)).status).toBe(202);
  const published = await until('pull requests', async () => {
    const { json } = await call('GET', `/jobs/${cancelled}`);
    const open = json.results.filter(({ pullRequest }: Json) => pullRequest?.state === 'open');
    return isEnded(json.status) && open.length === 2 ? json : undefined;
  });
  expect(published.run).toBe(3);

  held = Promise.withResolvers();
  const failing = await start(['taken', 'stopped'], {
    createPullRequests: true,
    pullRequest: { branch: 'cody/one' },
  });
  await begun('taken');
  await begun('stopped');
  const taken = path.join(folder.path, 'trees/taken');
  await git(taken, 'commit', '--quiet', '--allow-empty', '--message', 'A person’s work');
  await git(taken, 'push', '--quiet', `${stack.gitHub}/local/taken.git`, 'HEAD:refs/heads/cody/one');
  await terminateBatchJob(failing, 'stopped');
  held.resolve();
  const results = (await ended(failing)).results;
  expect(Object.fromEntries(results.map((one) => [one.repositoryName, one]))).toMatchObject({
    'local/taken': { pullRequest: { state: 'failed', error: { name: 'BranchHasOtherCommitsError' } } },
    'local/stopped': { outcome: 'failed', error: { name: 'WorkerLostError' } },
  });

  held = Promise.withResolvers();
  const stopped = await start(['held-b']);
  const before = asked.filter((name) => name === 'held-b').length;
  await until('a conversation', () => asked.filter((name) => name === 'held-b').length > before);
  const sfn = new SFNClient(connection(stack.awsVariables.AWS_ENDPOINT_URL_SFN!));
  const executionArn = `arn:aws:states:us-east-1:000000000000:execution:cody-batch-local-job:${stopped}-1`;
  await sfn.send(new StopExecutionCommand({ executionArn }));
  sfn.destroy();
  expect(await ended(stopped)).toMatchObject({ status: 'cancelled' });
  held.resolve();

  const tooMany = await start(['*'], { maxRepositories: 2 });
  expect(await ended(tooMany)).toMatchObject({ status: 'failed' });
  expect(await until('a delete', () => accepted('DELETE', `/jobs/${failing}`))).toBe(true);
  await until('its end', async () => (await call('GET', `/jobs/${failing}`)).status === 404);
  expect(proxy.faults).toEqual([]);
}, 600_000);

/** An answer of 2xx; false where the job's last execution has not quite ended. */
async function accepted(method: string, route: string): Promise<boolean> {
  const { status } = await call(method, route);
  expect([200, 202, 204, 409]).toContain(status);
  return status < 300;
}

test('every role was asked for, so that none of this was allowed because nobody came by', async () => {
  const idle = () => [...roles.keys()].filter((role) => !proxy.seen.some((one) => one.role === role));
  // Schedules come by themselves.
  await until('every role', () => idle().length === 0).catch(() => {});
  expect(idle()).toEqual([]);
  expect(proxy.faults).toEqual([]);
});

test('the same calls under a policy with one attribute less are refused, and the attribute is named', () => {
  const narrowed = (left: string): Map<string, readonly Statement[]> => {
    const statements = roles.get(worker)!.map((statement) => {
      const equals = statement.conditions['ForAllValues:StringEquals'];
      const attributes = equals?.['dynamodb:Attributes'];
      if (!attributes) return statement;
      const fewer = { ...equals, 'dynamodb:Attributes': attributes.filter((name) => name !== left) };
      return { ...statement, conditions: { ...statement.conditions, 'ForAllValues:StringEquals': fewer } };
    });
    return new Map([...roles, [worker, statements]]);
  };
  for (const attribute of ['prefixClaimedBy', 'prefixClaimedUntil', 'prefixWarmInRun', 'phase']) {
    const refused = proxy.seen.flatMap((one) => judge(narrowed(attribute), one) ?? []);
    expect(refused.length).toBeGreaterThan(0);
    for (const fault of refused) expect(fault).toContain(`does not allow ${attribute}`);
  }
});

// The last, because it is refused.
test('a worker that was taken over finds no other job, and reads no other repository’s code', async () => {
  expect(proxy.missing.some(({ role }) => role === worker)).toBe(true);
  const mine = (service: string, endpoint = proxy.url) => ({
    ...connection(endpoint),
    credentials: { accessKeyId: worker, secretAccessKey: service },
    maxAttempts: 1,
  });
  const s3 = new S3Client({ ...mine('s3'), forcePathStyle: true });
  const dynamodb = new DynamoDBClient(mine('dynamodb'));
  const batch = new BatchClient(mine('batch'));
  const Bucket = 'cody-batch-local-artifacts-000000000000-us-east-1';
  const folderOf = artifactKeys.repository('job-00000000000000000000000000', 'local/r00');
  const object = (name: string) => ({ Bucket, Key: `${folderOf}${name}` });
  const TableName = 'cody-batch-local-repositories';
  const Key = { jobId: { S: 'job-1' }, repositoryName: { S: 'local/r00' } };
  const refused = await Promise.allSettled([
    s3.send(new ListObjectsV2Command({ Bucket })),
    s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'jobs/' })),
    ...['diff.patch', 'thread.json', 'change-set.json', 'log.txt'].map((name) =>
      s3.send(new GetObjectCommand(object(name))),
    ),
    s3.send(new PutObjectCommand({ Bucket, Key: 'jobs/job-1/request.json', Body: '{}' })),
    s3.send(new PutObjectCommand({ Bucket, Key: 'jobs/job-1/runs/1/analyze.json', Body: '{}' })),
    s3.send(new DeleteObjectCommand(object('outcome.json'))),
    dynamodb.send(new GetItemCommand({ TableName, Key })),
    dynamodb.send(
      new GetItemCommand({ TableName: 'cody-batch-local-jobs', Key: { jobId: { S: 'pacing' } } }),
    ),
    dynamodb.send(new QueryCommand({ TableName, IndexName: 'status' })),
    dynamodb.send(new QueryCommand({ TableName: 'cody-batch-local-jobs', IndexName: 'entity' })),
    batch.send(new ListJobsCommand({ jobQueue: 'cody-batch-local-job-queue' })),
    batch.send(new DescribeJobsCommand({ jobs: ['any'] })),
  ]);
  for (const client of [s3, dynamodb, batch]) client.destroy();
  expect(refused.map((one) => one.status === 'rejected' && one.reason.name)).toEqual([
    ...Array.from({ length: 9 }, () => 'AccessDenied'),
    ...Array.from({ length: 6 }, () => 'AccessDeniedException'),
  ]);
});
