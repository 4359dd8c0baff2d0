import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { JOBS_TABLE, REPOSITORIES_TABLE, TTL_ATTRIBUTE } from '../../core/store/tables.ts';
import {
  flat,
  type Json,
  ofType,
  type Resource,
  SYNTHESIS_MS,
  type Synthesized,
  synthesize,
} from '../support/synthesized.ts';

let dev: Synthesized;
beforeAll(async () => {
  dev = await synthesize();
}, SYNTHESIS_MS);
afterAll(() => dev?.remove());

const only = (type: string): Resource['Properties'] => {
  const found = ofType(dev.template, type);
  expect([type, found.length]).toEqual([type, 1]);
  return found[0]![1];
};

test('cdk-nag finds nothing that is not acknowledged with a reason', async () => {
  // `synthesize` rejects where the pack finds anything: the app ends with its report.
  const report = JSON.parse(await readFile(path.join(dev.folder, 'validation-report.json'), 'utf8'));
  expect(report.pluginReports).toEqual([]);
  const metadata: Record<string, Json[]> = JSON.parse(
    await readFile(path.join(dev.folder, 'cody-batch-dev.metadata.json'), 'utf8'),
  );
  const acknowledged = Object.values(metadata)
    .flat()
    .filter(({ type }) => type === 'aws:cdk:acknowledged-rules')
    .flatMap(({ data }) => Object.entries<string>(data))
    .filter(([id]) => id.includes('AwsSolutions'));
  expect(acknowledged.length).toBeGreaterThan(20);
  for (const [id, reason] of acknowledged) {
    // One finding each: a whole rule is only acknowledged where it gives no more than one.
    expect(id).not.toMatch(/AwsSolutions-IAM[45]$/);
    expect([id, reason]).toEqual([id, expect.stringMatching(/^.{30,}\.$/)]);
  }
});

test('the tables are those of the local stack, and have point-in-time recovery', () => {
  const tables = ofType(dev.template, 'AWS::DynamoDB::Table').map(([, properties]) => properties);
  const sorted = (list: readonly Json[]) =>
    [...list].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  for (const [name, shape] of [
    ['cody-batch-dev-jobs', JOBS_TABLE],
    ['cody-batch-dev-repositories', REPOSITORIES_TABLE],
  ] as const) {
    const table = tables.find(({ TableName }) => TableName === name)!;
    expect(table).toMatchObject({
      KeySchema: shape.KeySchema,
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
    });
    expect(sorted(table.AttributeDefinitions)).toEqual(sorted(shape.AttributeDefinitions!));
    expect(sorted(table.GlobalSecondaryIndexes)).toEqual(sorted(shape.GlobalSecondaryIndexes!));
  }
});

test('a worker runs on Fargate, Spot first, read-only except for its volume, and its definition has no secret', () => {
  const definition = only('AWS::Batch::JobDefinition');
  const container = definition.ContainerProperties;
  // `Host: {}`, as CDK renders it, is what Fargate refuses.
  expect(container.Volumes).toEqual([{ Name: 'work' }]);
  expect(container.MountPoints).toEqual([{ ContainerPath: '/work', SourceVolume: 'work' }]);
  expect(container.ReadonlyRootFilesystem).toBe(true);
  expect(container.Command).toEqual(['Ref::jobId', 'Ref::repositoryName', 'Ref::run', 'Ref::from']);
  expect(container.Secrets ?? []).toEqual([]);
  expect(definition).toMatchObject({
    PropagateTags: true,
    ResourceRetentionPolicy: { SkipDeregisterOnUpdate: true },
    RetryStrategy: {
      Attempts: 10,
      EvaluateOnExit: [
        { Action: 'EXIT', OnReason: 'OutOfMemoryError*' },
        { Action: 'EXIT', OnExitCode: '134' },
        { Action: 'EXIT', OnExitCode: '1' },
      ],
    },
  });
  const variables = Object.fromEntries(container.Environment.map(({ Name, Value }: Json) => [Name, Value]));
  expect(Object.keys(variables).filter((name) => /(?:TOKEN|KEY)$/.test(name))).toEqual([]);
  expect(variables.TEMP_DIR).toBe('/work');

  const queue = only('AWS::Batch::JobQueue');
  const order = queue.ComputeEnvironmentOrder.map(({ ComputeEnvironment }: Json) => {
    const [id] = ComputeEnvironment['Fn::GetAtt'];
    return dev.template.Resources[id]!.Properties.ComputeResources.Type;
  });
  expect(order).toEqual(['FARGATE_SPOT', 'FARGATE']);
});

test('a worker accepts no connections, and no resource costs anything while idle', () => {
  const groups = ofType(dev.template, 'AWS::EC2::SecurityGroup').map(([, properties]) => properties);
  expect(groups.flatMap(({ SecurityGroupIngress = [] }) => SecurityGroupIngress)).toEqual([]);
  expect(ofType(dev.template, 'AWS::EC2::SecurityGroupIngress')).toEqual([]);
  const types = new Set(Object.values(dev.template.Resources).map(({ Type }) => Type));
  for (const priced of ['AWS::EC2::NatGateway', 'AWS::EC2::EIP', 'AWS::KMS::Key', 'AWS::WAFv2::WebACL'])
    expect(types).not.toContain(priced);
  const endpoints = ofType(dev.template, 'AWS::EC2::VPCEndpoint').map(
    ([, { VpcEndpointType }]) => VpcEndpointType,
  );
  expect(endpoints).toEqual(['Gateway', 'Gateway']);
});

test('every route except /health and /openapi.json needs a token', () => {
  const routes = ofType(dev.template, 'AWS::ApiGatewayV2::Route').map(([, properties]) => properties);
  const open = routes.filter(({ AuthorizationType }) => AuthorizationType !== 'JWT');
  const paths = ['GET /api/health', 'GET /api/openapi.json', 'GET /health', 'GET /openapi.json'];
  expect(open.map(({ RouteKey }) => RouteKey).sort()).toEqual(paths);
  expect(routes.map(({ RouteKey }) => RouteKey).sort()).toEqual([
    'DELETE /{proxy+}',
    ...paths,
    'GET /{proxy+}',
    // The function that writes secrets has its own two.
    'POST /admin/credentials/{name}',
    'POST /api/admin/credentials/{name}',
    'POST /{proxy+}',
  ]);
  // No page is deployed here, so no browser may call.
  expect(only('AWS::ApiGatewayV2::Api').CorsConfiguration).toBeUndefined();
  expect(only('AWS::Cognito::UserPool')).toMatchObject({
    AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
    MfaConfiguration: 'ON',
  });
  const groups = ofType(dev.template, 'AWS::Cognito::UserPoolGroup').map(([, { GroupName }]) => GroupName);
  expect(groups.sort()).toEqual(['admin', 'runner', 'viewer']);
});

test('a secret is created empty, and the template has no value', () => {
  const secrets = ofType(dev.template, 'AWS::SecretsManager::Secret').map(([, properties]) => properties);
  expect(secrets.map(({ Name }) => Name).sort()).toEqual([
    'cody-batch-dev-claude-api-key',
    'cody-batch-dev-github-read-token',
    'cody-batch-dev-github-write-token',
  ]);
  for (const secret of secrets) expect(Object.keys(secret)).not.toContain('SecretString');
  for (const secret of secrets) expect(Object.keys(secret)).not.toContain('GenerateSecretString');
});

test('rules match failed executions and running Batch jobs of this environment only', () => {
  const rules = ofType(dev.template, 'AWS::Events::Rule').map(([, properties]) => properties);
  const [ended] = rules.filter(({ EventPattern }) => EventPattern?.source.includes('aws.states'));
  expect(ended!.EventPattern.detail.status).toEqual(['ABORTED', 'FAILED', 'TIMED_OUT']);
  expect(ended!.EventPattern.detail.stateMachineArn.map(flat)).toEqual([
    'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:cody-batch-dev-job',
  ]);
  const ofFunctions = rules.filter(({ Name }) => Name !== 'cody-batch-dev-queue-blocked');
  // The canary runs again five minutes later.
  for (const { Name, Targets } of ofFunctions)
    if (Name !== 'cody-batch-dev-canary') expect(Targets[0].DeadLetterConfig.Arn).toBeDefined();
  const alarms = ofType(dev.template, 'AWS::CloudWatch::Alarm').map(([, properties]) => properties);
  const [deadLetters] = alarms.filter(({ Namespace }) => Namespace === 'AWS/SQS');
  expect(deadLetters).toMatchObject({ Threshold: 1, MetricName: 'ApproximateNumberOfMessagesVisible' });
});

test('a failed job raises an alarm: every function that ends a job counts it', () => {
  const enders = callersOf('context.jobs.end(');
  expect(enders.length).toBeGreaterThan(2);
  expect(enders.sort()).toEqual(callersOf('logJobEnd(').sort());
});

/** The files of functions in which this stands. */
function callersOf(text: string): string[] {
  return ['steps', 'events', 'worker', 'api'].flatMap((kind) =>
    readdirSync(`lambdas/${kind}`)
      .map((file) => `lambdas/${kind}/${file}`)
      .filter((file) => file.endsWith('.ts') && readFileSync(file, 'utf8').includes(text)),
  );
}

test('a job at the head of the queue that cannot start is reported, and eventually cancelled', () => {
  expect(only('AWS::Batch::JobQueue').JobStateTimeLimitActions).toEqual(
    [
      ['CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY', 4 * 3600],
      ['MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE', 1800],
      ['MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT', 1800],
    ].map(([Reason, MaxTimeSeconds]) => ({ Action: 'CANCEL', State: 'RUNNABLE', Reason, MaxTimeSeconds })),
  );
});

test('an environment can be deployed to two regions of an account: account-wide names have the region', () => {
  const named = ['AWS::Budgets::Budget', 'AWS::CloudWatch::Dashboard'].flatMap((type) =>
    ofType(dev.template, type).map(
      ([, properties]) => properties.DashboardName ?? properties.Budget.BudgetName,
    ),
  );
  expect(named.map(flat)).toEqual(['cody-batch-dev-monthly-<AWS::Region>', 'cody-batch-dev-<AWS::Region>']);
});

test('the dashboard shows the child executions of Maps, which have separate metrics', () => {
  const body = flat(only('AWS::CloudWatch::Dashboard').DashboardBody);
  for (const label of ['AnalyzeRepositories', 'OpenPullRequestsMeanwhile', 'OpenPullRequests'])
    expect(body).toContain(`/${label}"`);
});

test('every log group has a retention', () => {
  const groups = ofType(dev.template, 'AWS::Logs::LogGroup');
  expect(groups.length).toBeGreaterThan(15);
  for (const [id, { RetentionInDays }] of groups)
    expect([id, RetentionInDays]).toEqual([id, expect.any(Number)]);
});

test('a deployment prints the URLs and names that users need', () => {
  expect(Object.keys(dev.template.Outputs)).toEqual(
    expect.arrayContaining(['ApiUrl', 'StateMachineConsole', 'JobsTable', 'RepositoriesTable']),
  );
});

test('the API’s bundle is small: under 600 KB, without CDK and the worker', async () => {
  // The bundle that the asset was copied from, beside the paths of its sources.
  const folder = path.join(dev.folder, 'bundles/functions/api');
  const files = await Promise.all(
    ['index.mjs', 'index.mjs.map'].map((file) => readFile(path.join(folder, file))),
  );
  // What Lambda loads is a zip, whose DEFLATE is gzip's.
  const zipped = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  expect(zipped).toBeLessThan(600 * 1000);
  const { sources }: { sources: string[] } = JSON.parse(files[1]!.toString());
  // Relative to where a deployment bundles, so that the asset is the same from any folder.
  const inputs = sources.map((source) => path.join('cdk.out/bundles/functions/api', source));
  expect(inputs).toContain('lambdas/api/handler.ts');
  expect(
    inputs.filter((file) => /^(?:worker|lib|local|statemachine)\/|aws-cdk|anthropic|simple-git/.test(file)),
  ).toEqual([]);
});

test('a bundle is self-contained: its handler loads from a folder without dependencies', async () => {
  const functions = ofType(dev.template, 'AWS::Lambda::Function').filter(
    ([, { FunctionName }]) => FunctionName,
  );
  for (const [, { Handler, FunctionName, Runtime, Architectures }] of functions)
    expect([FunctionName, Handler, Runtime, Architectures]).toEqual([
      FunctionName,
      'index.handler',
      'nodejs24.x',
      ['arm64'],
    ]);
  const bundles = functions.map(([, { Code }]) =>
    path.join(dev.folder, `asset.${Code.S3Key.replace('.zip', '')}/index.mjs`),
  );
  const program = `for (const bundle of ${JSON.stringify(bundles)}) {
    const { handler } = await import(bundle);
    console.log(typeof handler);
  }`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: dev.folder,
    env: { PATH: '/usr/bin:/bin', AWS_REGION: 'us-east-1' },
  });
  expect(stdout.trim().split('\n')).toEqual(functions.map(() => 'function'));
});
