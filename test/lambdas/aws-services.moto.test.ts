import {
  DescribeTableCommand,
  DynamoDBClient,
  RestoreTableFromBackupCommand,
  RestoreTableToPointInTimeCommand,
  UpdateContinuousBackupsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { DeleteCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsOf } from '../../core/job.ts';
import { parseSettings } from '../../core/settings.ts';
import { backUp, checkRestore } from '../../lambdas/api/admin/backups.ts';
import { rotateCredential } from '../../lambdas/api/admin/rotate-credential.ts';
import type { RouteOutput } from '../../lambdas/api/route.ts';
import type { Context } from '../../lambdas/context.ts';
import { deliver } from '../../lambdas/notices/deliver.ts';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import { AT, jobRow } from '../support/job-row.ts';
import { keepLog } from '../support/keep-log.ts';
import { openTestTables, type TestTables } from '../support/stores.ts';
import type { Json } from '../support/synthesized.ts';

/** Services of AWS that one machine does not have, as moto has them. */
const MOTO = process.env.MOTO_URL!;
for (const service of ['SNS', 'SQS', 'SECRETS_MANAGER']) process.env[`AWS_ENDPOINT_URL_${service}`] = MOTO;
const log = keepLog();

let tables: TestTables;
const dynamodb = new DynamoDBClient({ endpoint: MOTO });
const sqs = new SQSClient({});
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables?.close());

function contextWith(variables: Record<string, string>): Context {
  const settings = { ...tables.settings, ...parseSettings(variables), ...tables.settings };
  return { ...tables.stores, settings, now: () => AT } as unknown as Context;
}

async function queueOf(name: string): Promise<{ url: string; arn: string }> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return { url: QueueUrl!, arn: Attributes!.QueueArn! };
}

const received = async (QueueUrl: string) =>
  ((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages ?? []).map(({ Body }) =>
    JSON.parse(Body!),
  );

const letter = (tries: number) => ({
  ...{ jobId: 'notice#e-1#topic', destination: 'topic' as const, tries },
  notice: { kind: 'completed' as const, eventId: 'e-1', at: AT, job: { jobId: 'job-1' } } as never,
});

test('a subscriber of the topic gets a notice with its kind, and a notice for a lost topic becomes a dead letter', async () => {
  const { TopicArn } = await new SNSClient({}).send(new CreateTopicCommand({ Name: 'notices' }));
  const [subscriber, dead] = await Promise.all([queueOf('subscriber'), queueOf('dead')]);
  await new SNSClient({}).send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: subscriber.arn }));
  const variables = { NOTICE_TOPIC_ARN: TopicArn!, NOTICE_DEAD_LETTERS_URL: dead.url };
  await deliver(letter(1), contextWith(variables));
  const [message] = await received(subscriber.url);
  expect(message).toMatchObject({
    Subject: 'Cody Batch: completed',
    MessageAttributes: { kind: { Value: 'completed' }, eventId: { Value: 'e-1' } },
  });
  expect(JSON.parse(message.Message)).toEqual(letter(1).notice);

  const lost = contextWith({ ...variables, NOTICE_TOPIC_ARN: `${TopicArn}-lost` });
  await deliver(letter(1), lost);
  expect(await received(dead.url)).toEqual([]);
  expect(log.join('')).toContain('tried again');
  await deliver(letter(12), lost);
  expect(await received(dead.url)).toMatchObject([{ destination: 'topic', notice: { eventId: 'e-1' } }]);
});

/** What a route answers to an administrator. */
async function answerOf(
  route: typeof backUp,
  context: Context,
  { params = {}, body }: { params?: Record<string, string>; body?: object } = {},
): Promise<Json> {
  const event = {
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
    requestContext: { http: { method: route.method } },
  };
  const output: RouteOutput = await route.answer(event as never, params, context);
  return 'json' in output ? output.json : output;
}

test('a deleted job comes back from the backup that an administrator made, as the guide says', async () => {
  const { client, settings, jobs, rows } = tables;
  const context = contextWith({ AUTHORIZATION: 'none' });
  const before = await answerOf(checkRestore, context);
  expect(before).toMatchObject({ isRestorable: false });
  expect(before.faults).toHaveLength(2);

  const job = jobRow({ counts: countsOf({ completed: 1 }) });
  const { jobId } = job;
  await jobs.create(job);
  await rows.createPending(jobId, ['acme/a'], AT);
  const { after } = await answerOf(backUp, context);
  expect(await answerOf(checkRestore, context)).toMatchObject({ isRestorable: true });

  await client.send(new DeleteCommand({ TableName: settings.jobsTable, Key: { jobId } }));
  await client.send(
    new DeleteCommand({
      TableName: settings.repositoriesTable,
      Key: { jobId, repositoryName: 'acme/a' },
    }),
  );
  for (const { table, arn } of after.backups) {
    const TargetTableName = `${table}-restored`;
    await dynamodb.send(new RestoreTableFromBackupCommand({ TargetTableName, BackupArn: arn }));
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName: TargetTableName,
        KeyConditionExpression: 'jobId = :jobId',
        ExpressionAttributeValues: { ':jobId': jobId },
      }),
    );
    expect(Items).toHaveLength(1);
    for (const Item of Items)
      await client.send(
        new PutCommand({ TableName: table, Item, ConditionExpression: 'attribute_not_exists(jobId)' }),
      );
  }
  expect(await jobs.get(jobId)).toMatchObject(job);
  expect(await rows.get(jobId, 'acme/a')).toMatchObject({ status: 'pending' });
});

test('with point-in-time recovery, a table can be restored beside itself with its indexes', async () => {
  const { settings } = tables;
  for (const TableName of [settings.jobsTable, settings.repositoriesTable])
    await dynamodb.send(
      new UpdateContinuousBackupsCommand({
        TableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    );
  const check = await answerOf(checkRestore, contextWith({ AUTHORIZATION: 'none' }));
  expect(check).toMatchObject({ isRestorable: true, faults: [] });
  for (const { restorableFrom, restorableTo } of check.tables)
    expect(Date.parse(restorableFrom)).toBeLessThanOrEqual(Date.parse(restorableTo));
  const TargetTableName = `${settings.jobsTable}-then`;
  await dynamodb.send(
    new RestoreTableToPointInTimeCommand({
      SourceTableName: settings.jobsTable,
      TargetTableName,
      UseLatestRestorableTime: true,
      BillingModeOverride: 'PAY_PER_REQUEST',
    }),
  );
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: TargetTableName }));
  expect(Table!.GlobalSecondaryIndexes!.map(({ IndexName }) => IndexName)).toContain(
    'entity-createdAt-index',
  );
});

test('a rotated key is what functions read next, and the earlier one stays as AWSPREVIOUS', async () => {
  const secrets = new SecretsManagerClient({});
  const { ARN } = await secrets.send(
    new CreateSecretCommand({ Name: 'claude-api-key', SecretString: 'sk-ant-the-old-one' }),
  );
  const claude = await listenOnLoopback(
    (request, response) => {
      response.writeHead(request.headers['x-api-key'] === 'sk-ant-the-new-one' ? 200 : 401).end();
    },
    { access: 'anyone', name: 'claude' },
  );
  const settings = parseSettings({
    ...{ AUTHORIZATION: 'none', ANTHROPIC_BASE_URL: claude.url, CLAUDE_API_KEY_SECRET_ID: ARN! },
    ROTATED_SECRETS: JSON.stringify({ CLAUDE_API_KEY: ARN }),
  });
  const context = { ...contextWith({}), settings } as Context;
  const rotate = (value: string) =>
    answerOf(rotateCredential, context, { params: { name: 'CLAUDE_API_KEY' }, body: { value } });
  expect(await settings.secret('CLAUDE_API_KEY')).toBe('sk-ant-the-old-one');
  await expect(rotate('sk-ant-a-wrong-one')).rejects.toThrow('answered 401');
  expect(await settings.secret('CLAUDE_API_KEY')).toBe('sk-ant-the-old-one');

  const { after } = await rotate('sk-ant-the-new-one');
  expect(await settings.secret('CLAUDE_API_KEY')).toBe('sk-ant-the-new-one');
  const previous = new GetSecretValueCommand({ SecretId: ARN, VersionStage: 'AWSPREVIOUS' });
  expect((await secrets.send(previous)).SecretString).toBe('sk-ant-the-old-one');
  const { VersionIdsToStages } = await secrets.send(new DescribeSecretCommand({ SecretId: ARN }));
  expect(VersionIdsToStages![after.versionId]).toEqual(['AWSCURRENT']);
  await claude.close();
});

test('a GitHub token is stored if an Enterprise Server without rate limits knows it, and not for just any 404', async () => {
  const { ARN } = await new SecretsManagerClient({}).send(
    new CreateSecretCommand({ Name: 'github-token', SecretString: 'ghp_the-old-one' }),
  );
  let message = 'Not Found';
  const gitHub = await listenOnLoopback(
    (_, response) => void response.writeHead(404).end(JSON.stringify({ message })),
    { access: 'anyone', name: 'github' },
  );
  const settings = parseSettings({
    ...{ AUTHORIZATION: 'none', GITHUB_API_URL: gitHub.url, GITHUB_TOKEN_SECRET_ID: ARN! },
    ROTATED_SECRETS: JSON.stringify({ GITHUB_TOKEN: ARN }),
  });
  const context = { ...contextWith({}), settings } as Context;
  const rotate = () =>
    answerOf(rotateCredential, context, {
      params: { name: 'GITHUB_TOKEN' },
      body: { value: 'ghp_the-new-one' },
    });
  try {
    await expect(rotate()).rejects.toThrow('answered 404');
    expect(await settings.secret('GITHUB_TOKEN')).toBe('ghp_the-old-one');
    message = 'Rate limiting is not enabled.';
    await rotate();
    expect(await settings.secret('GITHUB_TOKEN')).toBe('ghp_the-new-one');
  } finally {
    await gitHub.close();
  }
});
