import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { JobControl } from '../../core/store/job-control.ts';
import { RepositoryTable } from '../../core/store/repository-table.ts';
import { type Calls, callsOf } from '../support/calls.ts';
import { recordUpdates } from '../support/recorded-updates.ts';
import {
  type Allowed,
  allowedBy,
  flat,
  type Json,
  lines,
  ofType,
  type Resource,
  SYNTHESIS_MS,
  type Synthesized,
  synthesize,
  workerSessionRole,
} from '../support/synthesized.ts';

let synthesized: Synthesized;
beforeAll(async () => {
  synthesized = await synthesize();
}, SYNTHESIS_MS);
afterAll(() => synthesized?.remove());

type Functions = [file: string, properties: Resource['Properties']][];

/** The functions of `lambdas/`, by the file that they are bundled from. */
function functions(): Functions {
  return ofType(synthesized.template, 'AWS::Lambda::Function')
    .filter(([, { FunctionName }]) => FunctionName)
    .map(([id, properties]) => {
      const name = properties.FunctionName.replace('cody-batch-dev-', '');
      const folder = id.startsWith('Steps')
        ? `steps/${name}`
        : id.startsWith('Events')
          ? `events/${name}`
          : id.startsWith('WorkerSession')
            ? `worker/${name}`
            : id.startsWith('Monitoring')
              ? `canary/${name}`
              : `api/${name === 'api' ? 'handler' : name}`;
      return [`lambdas/${folder}.ts`, properties];
    });
}

const idOf = (type: string, name: string) =>
  ofType(synthesized.template, type).find(([, properties]) =>
    Object.values(properties).some((value) => {
      try {
        return flat(value) === name;
      } catch {
        return false;
      }
    }),
  )![0];
const table = (name: 'jobs' | 'repositories') =>
  `<${idOf('AWS::DynamoDB::Table', `cody-batch-dev-${name}`)}.Arn>`;
const both = (action: string) => [`${action} on ${table('jobs')}`, `${action} on ${table('repositories')}`];
const secretOf = (part: string) => `<${idOf('AWS::SecretsManager::Secret', `cody-batch-dev-${part}`)}>`;
const bucket = () =>
  `<${idOf('AWS::S3::Bucket', 'cody-batch-dev-artifacts-<AWS::AccountId>-<AWS::Region>')}.Arn>`;
const arn = (service: string, resource: string) =>
  `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>:${resource}`;

const TABLE_ACTIONS: Record<string, string> = {
  GetCommand: 'GetItem',
  PutCommand: 'PutItem',
  UpdateCommand: 'UpdateItem',
  DeleteCommand: 'DeleteItem',
  BatchGetCommand: 'BatchGetItem',
  BatchWriteCommand: 'BatchWriteItem',
  QueryTableCommand: 'Query',
};

/** The permissions that AWS requires for each command: https://docs.aws.amazon.com/service-authorization/latest/reference/ */
const OTHER_ACTIONS: Record<string, () => string[]> = {
  // Who may not list a bucket is told 403 of a missing key: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
  GetObjectCommand: () => [`s3:GetObject on ${bucket()}/jobs/*`, `s3:ListBucket on ${bucket()}`],
  PutObjectCommand: () => [`s3:PutObject on ${bucket()}/jobs/*`],
  ListObjectsV2Command: () => [`s3:ListBucket on ${bucket()}`],
  DeleteObjectsCommand: () => [`s3:DeleteObject on ${bucket()}/jobs/*`],
  DescribeJobsCommand: () => ['batch:DescribeJobs on *'],
  ListJobsCommand: () => ['batch:ListJobs on *'],
  TerminateJobCommand: () => [`batch:TerminateJob on ${arn('batch', 'job/*')}`],
  StartExecutionCommand: () => [
    `states:StartExecution on ${arn('states', 'stateMachine:cody-batch-dev-job')}`,
  ],
  DescribeExecutionCommand: () => [
    `states:DescribeExecution on ${arn('states', 'execution:cody-batch-dev-job:*')}`,
  ],
  GetExecutionHistoryCommand: () => [
    `states:GetExecutionHistory on ${arn('states', 'execution:cody-batch-dev-job:*')}`,
  ],
  DescribeStateMachineForExecutionCommand: () => [
    `states:DescribeStateMachineForExecution on ${arn('states', 'execution:cody-batch-dev-job:*')}`,
  ],
  DescribeStateMachineCommand: () => [
    `states:DescribeStateMachine on ${arn('states', 'stateMachine:cody-batch-dev-job')}`,
  ],
  ListMapRunsCommand: () => [`states:ListMapRuns on ${arn('states', 'execution:cody-batch-dev-job:*')}`],
  UpdateMapRunCommand: () => [`states:UpdateMapRun on ${arn('states', 'mapRun:cody-batch-dev-job/*')}`],
  // The backups are those of both tables.
  CreateBackupCommand: () => both('dynamodb:CreateBackup'),
  DescribeContinuousBackupsCommand: () => both('dynamodb:DescribeContinuousBackups'),
  ListBackupsCommand: () => ['dynamodb:ListBackups on *'],
  PutSecretValueCommand: () =>
    ['claude-api-key', 'github-read-token', 'github-write-token'].map(
      (part) => `secretsmanager:PutSecretValue on ${secretOf(part)}`,
    ),
  PublishCommand: () => [`sns:Publish on ${arn('sns', 'cody-batch-dev-notices')}`],
  SendMessageCommand: () => [`sqs:SendMessage on ${arn('sqs', 'cody-batch-dev-dead-letters')}`],
  DescribeMapRunCommand: () => [`states:DescribeMapRun on ${arn('states', 'mapRun:cody-batch-dev-job/*')}`],
  InvokeCommand: () => [
    `lambda:InvokeFunction on ${arn('lambda', 'function:cody-batch-dev-worker-credentials')}`,
  ],
  AssumeRoleCommand: () => [`sts:AssumeRole on <${sessionRole()}.Arn>`],
  StopExecutionCommand: () => [`states:StopExecution on ${arn('states', 'execution:cody-batch-dev-job:*')}`],
};

function needsOf({ commands }: Calls): string[] {
  return commands.flatMap(({ command, table: of }) => {
    if (of && command === 'QueryCommand') return [`dynamodb:Query on ${table(of)}/index/*`];
    if (of && TABLE_ACTIONS[command]) return [`dynamodb:${TABLE_ACTIONS[command]} on ${table(of)}`];
    const needs = OTHER_ACTIONS[command];
    if (!needs) throw new Error(`Of ${command} no permissions are known here.`);
    return needs();
  });
}

/** The secrets that a program finds: their names, and where each is. */
function secretsIn(variables: Record<string, unknown>): [name: string, resource: string][] {
  return Object.entries(variables).flatMap(([name, value]) =>
    name.endsWith('_SECRET_ID') ? [[name.replace('_SECRET_ID', ''), flat(value)] as [string, string]] : [],
  );
}

const roleOf = (reference: unknown) => flat(reference).slice(1, -'.Arn>'.length);

/** What every function does: its log, its traces, and a dead letter where one is called by an event. */
function ofTheRuntime({ LoggingConfig, DeadLetterConfig }: Resource['Properties']): string[] {
  const logGroup = `${flat(LoggingConfig.LogGroup).replace('>', '.Arn>')}`;
  return [
    `logs:CreateLogStream on ${logGroup}`,
    `logs:PutLogEvents on ${logGroup}`,
    'xray:PutTelemetryRecords on *',
    'xray:PutTraceSegments on *',
    ...(DeadLetterConfig ? [`sqs:SendMessage on ${flat(DeadLetterConfig.TargetArn)}`] : []),
  ];
}

/** Lambda reads the stream by the role of the function: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html */
function ofTheStream(): string[] {
  const stream = table('jobs').replace('.Arn>', '.StreamArn>');
  return [
    ...['DescribeStream', 'GetRecords', 'GetShardIterator'].map(
      (action) => `dynamodb:${action} on ${stream}`,
    ),
    'dynamodb:ListStreams on *',
  ];
}

/** WorkerCredentials names secrets in the policy of a session and cannot read them. */
const NAMED: Record<string, string[]> = {
  'lambdas/worker/worker-credentials.ts': ['CLAUDE_API_KEY', 'GITHUB_TOKEN'],
};

/** ReserveSlot paces by a credential's name (`secretId`); what reads it comes after that, where it has none. */
const UNREAD: Record<string, string[]> = { 'lambdas/steps/reserve-slot.ts': ['GITHUB_WRITE_TOKEN'] };

/** Secrets that only some environments have: those with a GitHub App, and with webhooks. */
const OF_SOME = ['GITHUB_APP_PRIVATE_KEY', 'NOTICE_SIGNING_KEY'];

/** What is read only where something before it is not set, and on AWS it always is: `credentialFor`. */
const NEVER_REACHED: Record<string, string[]> = {
  'lambdas/steps/open-pull-request.ts': ['GITHUB_TOKEN'],
  'lambdas/events/track-pull-requests.ts': ['GITHUB_WRITE_TOKEN'],
  'lambdas/steps/resolve-repositories.ts': ['GITHUB_WRITE_TOKEN'],
  'lambdas/api/handler.ts': ['GITHUB_WRITE_TOKEN'],
};

test('every function is allowed the calls of its code, and nothing else', () => {
  const all = functions();
  expect(all.length).toBeGreaterThanOrEqual(12);
  for (const [file, properties] of all) {
    const calls = callsOf(file, 'handler');
    const secrets = secretsIn(properties.Environment.Variables);
    const named = NAMED[file] ?? [];
    const unread = UNREAD[file] ?? named;
    const needed = [
      ...needsOf(calls),
      ...secrets
        .filter(([name]) => !unread.includes(name))
        .map(([, resource]) => `secretsmanager:GetSecretValue on ${resource}`),
      ...ofTheRuntime(properties),
      ...(file === 'lambdas/events/job-changed.ts' ? ofTheStream() : []),
    ];
    const granted = lines(allowedBy(synthesized.template, roleOf(properties.Role)));
    expect([file, granted]).toEqual([file, [...new Set(needed)].sort()]);
    const had = calls.secrets.filter(
      (name) => !OF_SOME.includes(name) && !(NEVER_REACHED[file] ?? []).includes(name),
    );
    expect([file, secrets.map(([name]) => name).sort()]).toEqual([file, [...had, ...named]]);
  }
});

const worker = () => {
  const [[, definition]] = ofType(synthesized.template, 'AWS::Batch::JobDefinition') as [
    [string, Resource['Properties']],
  ];
  return definition.ContainerProperties;
};
/** The role of the sessions that workers get. */
const sessionRole = () => workerSessionRole(synthesized.template);
const workerAllowed = (): Allowed[] => allowedBy(synthesized.template, sessionRole());

test('a worker is allowed the calls of its code, and nothing else', () => {
  const calls = callsOf('worker/main.ts');
  const variables = Object.fromEntries(worker().Environment.map(({ Name, Value }: Json) => [Name, Value]));
  const secrets = secretsIn(variables);
  expect(secrets.map(([name]) => name).sort()).toEqual(calls.secrets);
  // The definition's own command says what to work on, so that no deployed worker asks Batch; and the action knows no
  // resources: it would show the environment of any job. A definition of one's own without arguments needs it granted.
  const commands = calls.commands.filter(({ command }) => command !== 'DescribeJobsCommand');
  expect(worker().Command).toEqual([...WORKER_ARGUMENTS]);
  // A worker takes 403 of a missing object as what it is, so that it need not list.
  const all = needsOf({ ...calls, commands }).filter((need) => !need.startsWith('s3:ListBucket'));
  // Its own role may ask for a session, and nothing else; the session may do the work, and not ask for others.
  const asking = all.filter((need) => need.startsWith('lambda:'));
  const needs = all.filter((need) => !asking.includes(need));
  expect(asking).toHaveLength(1);
  expect(lines(allowedBy(synthesized.template, roleOf(worker().JobRoleArn)))).toEqual(asking);
  const needed = [...needs, ...secrets.map(([, resource]) => `secretsmanager:GetSecretValue on ${resource}`)];
  // Its keys are narrower than a function's: its job's request, and what is its repository's.
  const keys =
    /\/jobs\/\*\/(?:requests\/\*|repositories\/\*\/(?:checkpoint\/\*|[a-z-]+\.(?:json|txt|patch)))$/;
  const granted = workerAllowed().map(({ action, resource }) => ({
    action,
    resource: resource.replace(keys, '/jobs/*'),
  }));
  expect([...new Set(lines(granted))]).toEqual([...new Set(needed)].sort());
  expect(lines(workerAllowed()).filter((line) => line.endsWith('/jobs/*'))).toEqual([]);
});

test('only the function that checks tokens can assume the role of worker sessions', () => {
  const trust = synthesized.template.Resources[sessionRole()]!.Properties.AssumeRolePolicyDocument;
  const [, broker] = functions().find(([file]) => file === 'lambdas/worker/worker-credentials.ts')!;
  expect(trust.Statement).toEqual([
    { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { AWS: broker.Role } },
  ]);
});

test('a worker can write progress and cost, but no status of a repository or a job', async () => {
  const updates = await recordUpdates(async (client) => {
    const control = new JobControl(client, { jobsTable: 'jobs' });
    const repositories = new RepositoryTable(client, { repositoriesTable: 'repositories', RESULT_DAYS: 1 });
    const waiting = { until: '', times: 1 };
    await repositories.recordProgress('job-1', 'o/n', { phase: 'cloning', turns: 1, updatedAt: '', waiting });
    await control.reserve('job-1', 1, 2, { reservedUsd: 1, spentUsd: 2 });
    await control.settle('job-1', { reservedUsd: 1, spentUsd: 2 });
    await control.stop('job-1', 1, 'modelRefused', 'why');
    await control.claimModelCheck('job-1', 1);
    await control.claimSharedPrefix('job-1', 'o/n', { at: 1, until: 2 });
    await control.markSharedPrefix('job-1', 1);
    await control.releaseSharedPrefix('job-1', 'o/n');
  });
  const conditions = Object.fromEntries(
    workerAllowed()
      .filter(({ action }) => action === 'dynamodb:UpdateItem')
      .map(({ resource, conditions }) => [resource, conditions as Record<string, Record<string, string[]>>]),
  );
  for (const name of ['jobs', 'repositories'] as const) {
    const condition = conditions[table(name)]!;
    const allowed = condition['ForAllValues:StringEquals']!['dynamodb:Attributes']!;
    const written = updates
      .filter(({ tableName }) => tableName === name)
      .flatMap(({ attributes }) => attributes);
    expect([...allowed].sort()).toEqual([...new Set(written)].sort());
    expect(allowed).not.toContain('status');
    expect(allowed).not.toContain('changeSetSha256');
    expect(allowed).not.toContain('workerTokenSha256');
    const pattern = condition['ForAllValues:StringLike']!['dynamodb:LeadingKeys']![0]!.replace('*', '.*');
    for (const update of updates.filter(({ tableName }) => tableName === name))
      expect(update.partitionKey).toMatch(new RegExp(`^${pattern}$`));
  }
});

test('one function writes secrets, no function both reads and writes one, and API Gateway sends it its route only', () => {
  const roles = ofType(synthesized.template, 'AWS::IAM::Role').map(([id]) => id);
  const granted = (id: string) => lines(allowedBy(synthesized.template, id)).join('\n');
  const writers = roles.filter((id) => granted(id).includes('secretsmanager:PutSecretValue'));
  expect(writers.map((id) => id.replace(/Role[0-9A-F]{8}$/, ''))).toEqual(['ApiCredentials']);
  expect(granted(writers[0]!)).not.toContain('GetSecretValue');
  const integrations = ofType(synthesized.template, 'AWS::ApiGatewayV2::Integration').filter(
    ([, { IntegrationUri }]) => flat(IntegrationUri).includes('ApiCredentials'),
  );
  const keys = ofType(synthesized.template, 'AWS::ApiGatewayV2::Route')
    .filter(([, { Target }]) => integrations.some(([id]) => flat(Target).includes(id)))
    .map(([, { RouteKey, AuthorizationType }]) => [RouteKey, AuthorizationType]);
  expect(keys.sort()).toEqual([
    ['POST /admin/credentials/{name}', 'JWT'],
    ['POST /api/admin/credentials/{name}', 'JWT'],
  ]);
});

test('no worker gets a credential that writes to GitHub, and no function gets Claude’s key', () => {
  const readers = (part: string) => {
    const line = `secretsmanager:GetSecretValue on ${secretOf(part)}`;
    return ofType(synthesized.template, 'AWS::IAM::Role')
      .map(([id]) => id)
      .filter((id) => lines(allowedBy(synthesized.template, id)).includes(line))
      .map((id) => id.replace(/Role[0-9A-F]{8}$/, ''));
  };
  expect(readers('claude-api-key')).toEqual(['WorkerSession']);
  expect(readers('github-read-token').sort()).toEqual([
    'ApiFunction',
    'EventsTrackPullRequests',
    'StepsResolveRepositories',
    'WorkerSession',
  ]);
  expect(readers('github-write-token')).toEqual(['StepsOpenPullRequest']);
});
