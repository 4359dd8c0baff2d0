import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  BatchClient,
  DescribeJobsCommand,
  ListJobsCommand,
  paginateListJobs,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import {
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { isEnded } from '../../core/job.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import { createTables } from '../../local/dynamodb/dynamodb.ts';
import type { MessageRequest } from '../../local/model/conversation.ts';
import type { Reply } from '../../local/model/reply.ts';
import { workerCommand } from '../../worker/bundle.ts';
import { assemble, type CloudAssembly } from '../support/cloud-assembly.ts';
import type { JobWithResults } from '../support/end-of-job.ts';
import { repositoryOfRequest, writeAndSubmit } from '../support/fleet.ts';
import { git } from '../support/git.ts';
import { Instance } from '../support/lambda-runtime/instance.ts';
import type { Statement } from '../support/policies/evaluate.ts';
import { judge, type PolicyProxy, startPolicyProxy } from '../support/policies/proxy.ts';
import { Deployed } from '../support/policies/template-roles.ts';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.ts';
import { type ServedStack, startStackProcess } from '../support/stack.ts';
import { type Json, ofType, workerSessionRole } from '../support/synthesized.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { repositoryOf } from '../support/work-trees.ts';
import { copyWorkerBundle } from '../support/worker-bundle.ts';

/**
 * A job with everything switched on, on moto's DynamoDB, S3 and Secrets Manager and the local Batch and Step Functions,
 * all behind a proxy that holds each role to the policies of the synthesized template. The environment is called `local`,
 * so that what the template names is what the local stack has.
 */
const MOTO = process.env.MOTO_URL!;
/** Two waves of a job's `maxConcurrency`. */
const NAMES = Array.from({ length: 6 }, (_, index) => `r${String(index).padStart(2, '0')}`);
const OTHERS = ['held-a', 'held-b', 'taken', 'stopped'];
const SECRETS: Record<string, string> = {
  CLAUDE_API_KEY: 'sk-ant-not-a-real-key',
  GITHUB_TOKEN: 'a-token-that-reads',
  GITHUB_WRITE_TOKEN: 'a-token-that-writes',
  NPM_TOKEN: 'a-token-that-installs',
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let assembly: CloudAssembly;
let deployed: Deployed;
let model: ScriptedModel;
let proxy: PolicyProxy;
let stack: ServedStack;
const roles = new Map<string, readonly Statement[]>();
/** The role of Batch jobs, that of their sessions, and what gives them those. */
let worker = '';
let session = '';
let broker: Instance | undefined;
const BROKER = 'cody-batch-local-worker-credentials';
let secretArns: Awaited<ReturnType<typeof makeSecrets>>;
let refusals = 0;
const asked: string[] = [];
let held = Promise.withResolvers<void>();

beforeAll(async () => {
  [folder, assembly] = await Promise.all([
    temporaryFolder(),
    assemble('local', {
      settings: { COMMAND_SECRETS: 'NPM_TOKEN' },
      workerImages: { jdk: 'registry.example.com/jdk:1' },
    }),
  ]);
  const { template } = assembly;
  secretArns = await makeSecrets();
  await makeStores();

  deployed = new Deployed(template, secretArns.byLogicalId);
  const [[, definition]] = ofType(template, 'AWS::Batch::JobDefinition') as [[string, Json]];
  const [[, machine]] = ofType(template, 'AWS::StepFunctions::StateMachine') as [[string, Json]];
  const roleOf = (reference: Json) => reference['Fn::GetAtt'][0] as string;
  worker = roleOf(definition.ContainerProperties.JobRoleArn);
  const stateMachine = roleOf(machine.RoleArn);
  session = workerSessionRole(template);
  for (const role of [worker, session, stateMachine, ...assembly.functions.map(({ role }) => role)])
    roles.set(role, deployed.statements(role));

  proxy = await startPolicyProxy(roles, {
    sessionStatements: (policy) => deployed.sessionStatements(policy),
    invoke: (name, payload) => {
      if (name !== BROKER) throw new Error(`No worker invokes ${name}.`);
      return broker!.invoke(payload);
    },
  });
  for (const service of ['dynamodb', 's3', 'secretsmanager']) proxy.upstreams.set(service, MOTO);
  model = await startScriptedModel(answer);
  const variables = {
    ...endpoints(),
    ARTIFACTS_URL: 's3://cody-batch-local-artifacts-000000000000-us-east-1',
    AWS_ACCESS_KEY_ID: stateMachine,
  };
  broker = await startFunction('worker-credentials');
  const jdk = path.join(folder.path, 'jdk');
  await mkdir(jdk);
  await writeFile(path.join(jdk, 'only-in-jdk'), '#!/bin/sh\n', { mode: 0o755 });
  const bundle = await copyWorkerBundle(path.join(folder.path, 'worker'));
  const ids = secretArns.byVariable;
  stack = await startStackProcess({
    given: {
      ANTHROPIC_BASE_URL: model.url,
      CLAUDE_PATIENCE_SECONDS: '2',
      CLAUDE_API_KEY_SECRET_ID: ids.CLAUDE_API_KEY_SECRET_ID,
      GITHUB_TOKEN_SECRET_ID: ids.GITHUB_TOKEN_SECRET_ID,
      COMMAND_SECRETS: 'NPM_TOKEN',
      NPM_TOKEN_SECRET_ID: ids.NPM_TOKEN_SECRET_ID,
      WORKER_CREDENTIALS_FUNCTION: BROKER,
      LOCAL_IMAGES: JSON.stringify({ jdk }),
    },
    ...{ gitHub: 'local', model: 'claude', maxRunning: 4, shared: false, timeScale: 20 },
    workerCommand: [
      ...['/usr/bin/env', `AWS_ACCESS_KEY_ID=${worker}`],
      ...[...workerCommand(bundle), ...WORKER_ARGUMENTS],
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
      environment: {
        ...ids,
        ROTATED_SECRETS: JSON.stringify({ GITHUB_WRITE_TOKEN: ids.GITHUB_WRITE_TOKEN_SECRET_ID }),
      },
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
});
afterAll(async () => {
  held.resolve();
  await stack?.close();
  await broker?.close();
  await proxy?.close();
  await model?.close();
  await assembly?.remove();
  await folder?.remove();
});

const endpoints = () =>
  Object.fromEntries(
    ['DYNAMODB', 'S3', 'SECRETS_MANAGER', 'SFN', 'BATCH', 'LAMBDA'].map((service) => [
      `AWS_ENDPOINT_URL_${service}`,
      proxy.url,
    ]),
  );

/** A function of the template outside of the stack, by its own role. */
function startFunction(wanted: string): Promise<Instance> {
  const { name, folder: code, handler, role } = assembly.functions.find(({ name }) => name === wanted)!;
  return Instance.start({
    ...{ name, folder: code, handler },
    environment: {
      ...deployed.variables(`cody-batch-local-${name}`),
      ...endpoints(),
      ...{ AWS_ENDPOINT_URL_STS: proxy.stsUrl, AWS_ENDPOINT_URL_SNS: proxy.stsUrl },
      ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: role, AWS_SECRET_ACCESS_KEY: 'test' },
    },
    logFile: path.join(folder.path, `${name}.log`),
  });
}

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
    undefined,
    // Each look costs moto, which answers one request at a time.
    1000,
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

test(`a job of ${NAMES.length} repositories with pull requests, checks and a throttled model passes by the deployed policies`, async () => {
  const jobId = await start(NAMES, {
    createPullRequests: true,
    // In waves, so that pull requests are opened beside the analysis too.
    maxConcurrency: 4,
    settings: {
      commandSecrets: ['NPM_TOKEN'],
      setup: [`test "$NPM_TOKEN" = ${SECRETS.NPM_TOKEN}`],
      image: 'jdk',
      verify: ['test -f b.txt', 'only-in-jdk'],
    },
  });
  const job = await ended(jobId);
  expect(proxy.faults).toEqual([]);
  expect(job).toMatchObject({
    status: 'completed',
    counts: { total: NAMES.length, completed: NAMES.length },
  });
  expect(job.results.map(({ pullRequest }) => pullRequest?.state)).toEqual(NAMES.map(() => 'open'));
  expect(refusals).toBeGreaterThan(1);
  const looks = proxy.seen.filter(
    ({ role, call }) => role.includes('ResolvePullRequests') && call.action === 'dynamodb:Query',
  );
  expect(looks.length).toBeGreaterThan(0);
  const submitted = proxy.seen.filter(({ call }) => call.action === 'batch:SubmitJob');
  expect(submitted.map(({ call }) => call.resource).filter((one) => one.includes('definition'))).toEqual(
    expect.arrayContaining([
      'arn:aws:batch:us-east-1:000000000000:job-definition/cody-batch-local-job-definition-jdk',
    ]),
  );
  const row = `/jobs/${jobId}/repositories/local/r03`;
  expect((await call('GET', row)).json.attempts).toBeGreaterThan(1);
  expect((await call('GET', `${row}/diff`)).text).toContain('+two');
  expect((await call('GET', `${row}/claude-thread`)).text).toContain('task_complete');
  expect((await call('GET', `${row}/log`)).text).toContain('local/r03');
  expect((await call('GET', '/repositories')).json.repositories).toContain('local/r03');
  expect((await call('GET', '/jobs')).json.jobs).toHaveLength(1);
  expect((await call('GET', '/health')).json).toMatchObject({ status: 'ok' });
});

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
});

/** An answer of 2xx; false where the job's last execution has not quite ended. */
async function accepted(method: string, route: string): Promise<boolean> {
  const { status } = await call(method, route);
  expect([200, 202, 204, 409]).toContain(status);
  return status < 300;
}

test('a credential gets a new value by the role of the function that stores it, which the API itself could not', async () => {
  const route = '/admin/credentials/GITHUB_WRITE_TOKEN';
  const { status, text } = await call('POST', route, { value: 'another-token-that-writes' });
  expect([status, text]).toEqual([200, expect.stringContaining('versionId')]);
  const stores = proxy.seen.filter(({ call }) => call.action === 'secretsmanager:PutSecretValue');
  expect(stores).toHaveLength(1);
  const { role } = assembly.functions.find(({ name }) => name === 'api')!;
  expect(judge(roles, { ...stores[0]!, role })).toContain('no statement allows it');
});

test('what the stream and a schedule invoke passes by its own role: notices of a change, and a look from outside', async () => {
  const [job] = (await call('GET', '/jobs?status=completed')).json.jobs;
  const dynamodb = new DynamoDBClient(connection(MOTO));
  const { Item: after } = await dynamodb.send(
    new GetItemCommand({ TableName: 'cody-batch-local-jobs', Key: { jobId: { S: job.jobId } } }),
  );
  dynamodb.destroy();
  const control = { jobId: { S: `${job.jobId}#control` }, run: { N: '1' }, stoppedBy: { S: 'jobCost' } };
  const Records = [
    { dynamodb: { OldImage: { ...after, status: { S: 'processing' } }, NewImage: after } },
    { dynamodb: { OldImage: { ...control, stoppedBy: undefined }, NewImage: control } },
  ];
  const [changed, canary] = await Promise.all(['job-changed', 'canary'].map(startFunction));
  try {
    await changed!.invoke({ Records });
    await canary!.invoke({ checks: [{ check: 'health', url: `${stack.api}/health` }] });
  } finally {
    await Promise.all([changed!.close(), canary!.close()]);
  }
  const actionsOf = (wanted: string) => {
    const { role } = assembly.functions.find(({ name }) => name === wanted)!;
    return [...new Set(proxy.seen.filter((one) => one.role === role).map(({ call }) => call.action))].sort();
  };
  expect(actionsOf('job-changed')).toEqual([
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
    'sns:Publish',
  ]);
  // It answers whether the service is up, so it must not need the service.
  expect(actionsOf('canary')).toEqual([]);
  expect(await readFile(path.join(folder.path, 'canary.log'), 'utf8')).toContain('check passed');
  expect(proxy.faults).toEqual([]);
});

test('every role was asked for, so that none of this was allowed because it was never used', async () => {
  // It calls no service of AWS.
  const without = assembly.functions.filter(({ name }) => name === 'canary');
  expect(without).toHaveLength(1);
  const wanted = [...roles.keys()].filter((role) => !without.some((one) => one.role === role));
  const idle = () => wanted.filter((role) => !proxy.seen.some((one) => one.role === role));
  // Schedules come by themselves.
  await until('every role', () => idle().length === 0).catch(() => {});
  expect(idle()).toEqual([]);
  expect(proxy.faults).toEqual([]);
});

test('the same calls under a policy with one attribute less are refused, and the attribute is named', () => {
  const narrowed = (left: string): Map<string, readonly Statement[]> => {
    const statements = roles.get(session)!.map((statement) => {
      const equals = statement.conditions['ForAllValues:StringEquals'];
      const attributes = equals?.['dynamodb:Attributes'];
      if (!attributes) return statement;
      const fewer = { ...equals, 'dynamodb:Attributes': attributes.filter((name) => name !== left) };
      return { ...statement, conditions: { ...statement.conditions, 'ForAllValues:StringEquals': fewer } };
    });
    return new Map([...roles, [session, statements]]);
  };
  for (const attribute of ['prefixClaimedBy', 'prefixClaimedUntil', 'prefixWarmInRun', 'phase']) {
    const refused = proxy.seen.flatMap((one) => judge(narrowed(attribute), one) ?? []);
    expect(refused.length).toBeGreaterThan(0);
    for (const fault of refused) expect(fault).toContain(`does not allow ${attribute}`);
  }
});

/** What a worker that was taken over can try, by the credentials that it has. */
function attacker({ accessKeyId, secretAccessKey, sessionToken }: Json) {
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  const options = { region: 'us-east-1', endpoint: proxy.url, credentials, maxAttempts: 1 };
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  const dynamodb = new DynamoDBClient(options);
  const batch = new BatchClient(options);
  const secrets = new SecretsManagerClient(options);
  const Bucket = 'cody-batch-local-artifacts-000000000000-us-east-1';
  const update = (table: string, Key: Record<string, { S: string }>, attribute: string) =>
    dynamodb.send(
      new UpdateItemCommand({
        ...{ TableName: `cody-batch-local-${table}`, Key, UpdateExpression: 'SET #a = :a' },
        ...{ ExpressionAttributeNames: { '#a': attribute }, ExpressionAttributeValues: { ':a': { N: '1' } } },
      }),
    );
  return {
    read: (Key: string) => s3.send(new GetObjectCommand({ Bucket, Key })),
    write: (Key: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body: '{}' })),
    remove: (Key: string) => s3.send(new DeleteObjectCommand({ Bucket, Key })),
    list: (Prefix?: string) => s3.send(new ListObjectsV2Command({ Bucket, ...(Prefix && { Prefix }) })),
    item: (table: string, Key: Record<string, { S: string }>) =>
      dynamodb.send(new GetItemCommand({ TableName: `cody-batch-local-${table}`, Key })),
    query: (table: string, IndexName: string) =>
      dynamodb.send(new QueryCommand({ TableName: `cody-batch-local-${table}`, IndexName })),
    progress: (jobId: string, name: string) =>
      update('repositories', { jobId: { S: jobId }, repositoryName: { S: name } }, 'turns'),
    status: (jobId: string, name: string) =>
      update('repositories', { jobId: { S: jobId }, repositoryName: { S: name } }, 'status'),
    bill: (jobId: string) => update('jobs', { jobId: { S: `${jobId}#control` } }, 'spentUsd'),
    secret: (SecretId: string) => secrets.send(new GetSecretValueCommand({ SecretId })),
    batchJobs: () => batch.send(new ListJobsCommand({ jobQueue: 'cody-batch-local-job-queue' })),
    batchJob: () => batch.send(new DescribeJobsCommand({ jobs: ['any'] })),
  };
}

/** The calls that were not refused. */
async function notRefused(calls: Record<string, () => Promise<unknown>>): Promise<string[]> {
  const answers = await Promise.all(
    Object.entries(calls).map(async ([name, call]) => {
      const error = await call().then(
        () => undefined,
        (reason: Error) => reason.name,
      );
      return error === 'AccessDenied' || error === 'AccessDeniedException' ? [] : [`${name}: ${error}`];
    }),
  );
  return answers.flat();
}

/** What WORKER_TOKEN is in the environment of the newest Batch job for it. */
async function tokenOf(jobId: string, run: number, name: string): Promise<string> {
  const client = new BatchClient(connection(stack.awsVariables.AWS_ENDPOINT_URL_BATCH!));
  const filters = [{ name: 'JOB_NAME', values: [`${jobId}-${run}-local_${name}`] }];
  const { jobSummaryList } = await client.send(
    new ListJobsCommand({ jobQueue: 'cody-batch-local-job-queue', filters }),
  );
  const { jobs } = await client.send(
    new DescribeJobsCommand({ jobs: jobSummaryList!.map((job) => job.jobId!) }),
  );
  client.destroy();
  return jobs![0]!.container!.environment!.find((one) => one.name === 'WORKER_TOKEN')!.value!;
}

/** Asks as a worker does, whose role may ask. */
async function askForCredentials(request: object) {
  const client = new LambdaClient({
    ...{ region: 'us-east-1', endpoint: proxy.url, maxAttempts: 1 },
    credentials: { accessKeyId: worker, secretAccessKey: 'test' },
  });
  const Payload = JSON.stringify(request);
  const answer = await client.send(new InvokeCommand({ FunctionName: BROKER, Payload }));
  client.destroy();
  return JSON.parse(answer.Payload!.transformToString());
}

/** The key of the artifact that says what the job's run was asked for. */
async function requestOf(jobId: string): Promise<string> {
  return (await call('GET', `/jobs/${jobId}`)).json.request!;
}

// These two come last, because they are refused.
test('the role that all workers share reads nothing and writes nothing', async () => {
  const jobId = await start(['held-a']);
  await ended(jobId);
  const plain = attacker({ accessKeyId: worker, secretAccessKey: 'test' });
  const keys = [
    await requestOf(jobId),
    runArtifactKeys({ jobId, repositoryName: 'local/held-a', run: 1 }).outcome,
  ];
  const row = { jobId: { S: jobId }, repositoryName: { S: 'local/held-a' } };
  expect(
    await notRefused({
      ...Object.fromEntries(keys.map((key) => [`read ${key}`, () => plain.read(key)])),
      ...Object.fromEntries(keys.map((key) => [`write ${key}`, () => plain.write(key)])),
      list: () => plain.list(),
      job: () => plain.item('jobs', { jobId: { S: jobId } }),
      row: () => plain.item('repositories', row),
      progress: () => plain.progress(jobId, 'local/held-a'),
      bill: () => plain.bill(jobId),
      key: () => plain.secret(secretArns.byVariable.CLAUDE_API_KEY_SECRET_ID!),
      batchJobs: () => plain.batchJobs(),
      batchJob: () => plain.batchJob(),
    }),
  ).toEqual([]);
});

test('a worker that was taken over reaches its own job and repository only, while it works on it', async () => {
  expect(proxy.missing.some(({ role }) => role === session)).toBe(true);
  held = Promise.withResolvers();
  const before = asked.length;
  const both = await start(['held-a', 'held-b'], { settings: { commandSecrets: ['NPM_TOKEN'] } });
  const other = await start(['stopped']);
  await until('three conversations', () => new Set(asked.slice(before)).size === 3);
  const token = await tokenOf(both, 1, 'held-a');
  const mine = { jobId: both, repositoryName: 'local/held-a', token };

  const refusals = [
    { ...mine, repositoryName: 'local/held-b' },
    { ...mine, repositoryName: 'local/none' },
    { ...mine, jobId: other, repositoryName: 'local/stopped' },
    { ...mine, token: 'another' },
    { ...mine, token: await tokenOf(other, 1, 'stopped') },
    { ...mine, commandSecret: 'OTHER_TOKEN' },
  ];
  for (const request of refusals) {
    const refused = await askForCredentials(request);
    expect([request, refused]).toEqual([
      request,
      expect.objectContaining({ errorType: 'WorkerRefusedError' }),
    ]);
    expect(refused.errorMessage).not.toContain(token);
  }
  const malformed = await askForCredentials({ ...mine, repositoryName: 'local/*' });
  expect(malformed).toMatchObject({ errorType: 'InvalidInputError' });

  const work = attacker(await askForCredentials(mine));
  const own = (name: string) =>
    runArtifactKeys({ jobId: both, repositoryName: 'local/held-a', run: 1 }).folder + name;
  const neighbour = (name: string) =>
    runArtifactKeys({ jobId: both, repositoryName: 'local/held-b', run: 1 }).folder + name;
  expect((await work.item('jobs', { jobId: { S: both } })).Item).toBeDefined();
  expect((await work.read(await requestOf(both))).ETag).toBeDefined();
  expect((await work.write(own('log.txt'))).ETag).toBeDefined();
  expect((await work.secret(secretArns.byVariable.CLAUDE_API_KEY_SECRET_ID!)).SecretString).toBeDefined();
  // What remains (docs/security.md): the partition key is all that IAM knows of a row.
  await work.progress(both, 'local/held-b');
  expect(
    await notRefused({
      changeSet: () => work.write(neighbour('change-set.json')),
      outcome: () => work.write(neighbour('outcome.json')),
      checkpoint: () => work.read(neighbour('checkpoint/conversation.json')),
      outcomeOf: () => work.read(neighbour('outcome.json')),
      ...Object.fromEntries(['change-set.json', 'log.txt'].map((name) => [name, () => work.read(own(name))])),
      ownRequest: async () => work.write(await requestOf(both)),
      manifest: () => work.write(`${artifactKeys.run(both, 1)}analyze.json`),
      removal: () => work.remove(own('outcome.json')),
      list: () => work.list(),
      listJob: () => work.list(artifactKeys.job(both)),
      otherRequest: async () => work.read(await requestOf(other)),
      otherArtifact: () =>
        work.write(
          `${runArtifactKeys({ jobId: other, repositoryName: 'local/held-a', run: 1 }).folder}outcome.json`,
        ),
      otherJob: () => work.item('jobs', { jobId: { S: other } }),
      otherBill: () => work.bill(other),
      otherProgress: () => work.progress(other, 'local/stopped'),
      ownStatus: () => work.status(both, 'local/held-a'),
      ownRow: () => work.item('repositories', { jobId: { S: both }, repositoryName: { S: 'local/held-a' } }),
      pacing: () => work.item('jobs', { jobId: { S: 'pacing' } }),
      rows: () => work.query('repositories', 'status'),
      jobs: () => work.query('jobs', 'entity'),
      writeToken: () => work.secret(secretArns.byVariable.GITHUB_WRITE_TOKEN_SECRET_ID!),
      commandSecret: () => work.secret(secretArns.byVariable.NPM_TOKEN_SECRET_ID!),
      batchJobs: () => work.batchJobs(),
      batchJob: () => work.batchJob(),
    }),
  ).toEqual([]);
  const setup = attacker(await askForCredentials({ ...mine, commandSecret: 'NPM_TOKEN' }));
  expect((await setup.secret(secretArns.byVariable.NPM_TOKEN_SECRET_ID!)).SecretString).toBe(
    SECRETS.NPM_TOKEN,
  );
  expect(
    await notRefused({
      key: () => setup.secret(secretArns.byVariable.CLAUDE_API_KEY_SECRET_ID!),
      job: () => setup.item('jobs', { jobId: { S: both } }),
      request: async () => setup.read(await requestOf(both)),
    }),
  ).toEqual([]);

  expect((await call('POST', `/jobs/${both}/cancel`)).status).toBeLessThan(300);
  await until('the end of the row', async () => {
    const { json } = await call('GET', `/jobs/${both}/repositories/local/held-a`);
    return json.status === 'cancelled';
  });
  expect((await askForCredentials(mine)).errorMessage).toContain('is cancelled');
  held.resolve();
  expect(await until('a retry', () => accepted('POST', `/jobs/${both}/retry`))).toBe(true);
  expect(await ended(both)).toMatchObject({ run: 2, status: 'completed' });
  expect(await askForCredentials(mine)).toMatchObject({ errorType: 'WorkerRefusedError' });
  expect(await tokenOf(both, 2, 'held-a')).not.toBe(token);
});

test('no artifact, row, log or page has the token of a worker', async () => {
  const jobId = await start(['r00']);
  await ended(jobId);
  const token = await tokenOf(jobId, 1, 'r00');
  const s3 = new S3Client({ ...connection(MOTO), forcePathStyle: true });
  const dynamodb = new DynamoDBClient(connection(MOTO));
  const Bucket = 'cody-batch-local-artifacts-000000000000-us-east-1';
  const { Contents = [] } = await s3.send(
    new ListObjectsV2Command({ Bucket, Prefix: artifactKeys.job(jobId) }),
  );
  const texts = await Promise.all(
    Contents.map(async ({ Key }) => {
      const { Body, ContentEncoding } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      const bytes = Buffer.from(await Body!.transformToByteArray());
      return [Key, (ContentEncoding === 'gzip' ? gunzipSync(bytes) : bytes).toString()] as const;
    }),
  );
  const { Items } = await dynamodb.send(new ScanCommand({ TableName: 'cody-batch-local-repositories' }));
  s3.destroy();
  dynamodb.destroy();
  expect(texts.map(([key]) => key).some((key) => key!.includes('SUCCEEDED_'))).toBe(true);
  expect(texts.filter(([, text]) => text.includes(token)).map(([key]) => key)).toEqual([]);
  expect(JSON.stringify(Items)).not.toContain(token);
  const digest = createHash('sha256').update(token).digest('hex');
  const row = await call('GET', `/jobs/${jobId}/repositories/local/r00`);
  for (const secret of [token, digest]) expect(row.text).not.toContain(secret);
});
