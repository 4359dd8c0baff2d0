import { Aws } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { type Grant, NO_RESOURCES } from './grant.ts';
import type { Secret } from './secret-names.ts';

/** The calls of AWS that a function makes; test/lib/grants.test.ts compares them with its code. */
export interface Access {
  readonly jobs?: readonly ('GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'Query')[];
  readonly repositories?: readonly (
    | 'GetItem'
    | 'BatchGetItem'
    | 'PutItem'
    | 'UpdateItem'
    | 'DeleteItem'
    | 'BatchWriteItem'
    | 'Query'
    | 'QueryTable'
  )[];
  readonly artifacts?: readonly ('read' | 'write' | 'remove')[];
  /** Lists, describes and terminates the jobs of the queue. */
  readonly batchJobs?: boolean;
  readonly executions?: readonly (
    | 'StartExecution'
    | 'DescribeExecution'
    | 'StopExecution'
    | 'GetExecutionHistory'
    | 'DescribeStateMachineForExecution'
    | 'DescribeStateMachine'
    | 'DescribeMapRun'
    | 'ListMapRuns'
    | 'UpdateMapRun'
  )[];
  readonly secrets?: readonly Secret[];
  /** Secrets whose ARNs are in its settings, but which it may not read. */
  readonly named?: readonly Secret[];
  /** Reads the stream of the jobs table. */
  readonly stream?: boolean;
  /** Publishes notices to their topic, and puts those that cannot be delivered into the dead letters. */
  readonly notices?: boolean;
  /** Starts and lists backups of the tables. */
  readonly backups?: boolean;
  /** The names of the workers' images, or their job definitions too, in its settings. */
  readonly images?: 'names' | 'definitions';
  /** Secrets that it may give a new value, and not read. */
  readonly rotates?: readonly Secret[];
}

export interface Resources {
  /** By the workers' images, of which the first is the default. */
  readonly jobDefinitionArns: Readonly<Record<string, string>>;
  readonly jobsTable: ITable;
  readonly repositoriesTable: ITable;
  readonly artifacts: IBucket;
  readonly jobQueueArn: string;
  /** A wildcard for all Batch jobs of the account. */
  readonly batchJobArns: string;
  readonly stateMachineArn: string;
  readonly executionArns: string;
  /** A wildcard for the Map runs of the state machine. */
  readonly mapRunArns: string;
  readonly secretArns: Partial<Record<Secret, string>>;
  readonly noticeTopicArn: string;
  readonly deadLettersArn: string;
}

/** The keys of all artifacts; core/store/artifact-keys.ts has their names. */
const ARTIFACT_KEYS = 'jobs/*';

/** The grants of exactly this access. */
export function grantsOf(access: Access, resources: Resources): Grant[] {
  return [
    ...tableGrants(resources.jobsTable, access.jobs),
    ...tableGrants(resources.repositoriesTable, access.repositories),
    ...artifactGrants(resources.artifacts, access.artifacts),
    ...(access.batchJobs ? batchGrants(resources) : []),
    ...(access.executions ?? []).map((action) => executionGrant(action, resources)),
    ...(access.secrets ?? []).flatMap((name) => {
      const arn = resources.secretArns[name];
      return arn ? [{ actions: ['secretsmanager:GetSecretValue'], resources: [arn] }] : [];
    }),
    ...(access.stream ? streamGrants(resources) : []),
    ...(access.notices
      ? [
          { actions: ['sns:Publish'], resources: [resources.noticeTopicArn] },
          { actions: ['sqs:SendMessage'], resources: [resources.deadLettersArn] },
        ]
      : []),
    ...(access.backups ? backupGrants(resources) : []),
    ...(access.rotates ?? []).flatMap((name) => {
      const arn = resources.secretArns[name];
      return arn ? [{ actions: ['secretsmanager:PutSecretValue'], resources: [arn] }] : [];
    }),
  ];
}

function executionGrant(
  action: NonNullable<Access['executions']>[number],
  { stateMachineArn, executionArns, mapRunArns }: Resources,
): Grant {
  const actions = [`states:${action}`];
  if (action === 'StartExecution' || action === 'DescribeStateMachine')
    return { actions, resources: [stateMachineArn] };
  if (action === 'DescribeMapRun' || action === 'UpdateMapRun')
    return {
      actions,
      resources: [mapRunArns],
      why: 'Map runs of this state machine get their IDs when they start.',
    };
  return {
    actions,
    resources: [executionArns],
    why: 'Executions of this state machine get their names when they start.',
  };
}

/** `Query` reads an index, and `QueryTable` the table itself. */
function tableGrants(table: ITable, actions: readonly string[] = []): Grant[] {
  const onItems = actions
    .filter((action) => action !== 'Query')
    .map((action) => `dynamodb:${action === 'QueryTable' ? 'Query' : action}`);
  const indexes = actions.includes('Query') ? [`${table.tableArn}/index/*`] : [];
  return [
    { actions: onItems, resources: [table.tableArn] },
    {
      actions: ['dynamodb:Query'],
      resources: indexes,
      why: 'Queries read the indexes of this table.',
    },
  ];
}

function artifactGrants(bucket: IBucket, does: Access['artifacts'] = []): Grant[] {
  const keys = bucket.arnForObjects(ARTIFACT_KEYS);
  const why = 'Artifacts get their keys when a job is created.';
  const listing = does.includes('read') || does.includes('remove');
  return [
    ...does.map((what): Grant => ({ actions: [OBJECT_ACTIONS[what]], resources: [keys], why })),
    // Without s3:ListBucket, S3 answers 403 instead of 404 for a key that does not exist.
    { actions: ['s3:ListBucket'], resources: listing ? [bucket.bucketArn] : [] },
  ];
}

const OBJECT_ACTIONS = { read: 's3:GetObject', write: 's3:PutObject', remove: 's3:DeleteObject' } as const;

function batchGrants({ batchJobArns }: Resources): Grant[] {
  return [
    { actions: ['batch:DescribeJobs', 'batch:ListJobs'], resources: ['*'], why: NO_RESOURCES },
    {
      actions: ['batch:TerminateJob'],
      resources: [batchJobArns],
      why: 'Batch jobs get their IDs when they are submitted.',
    },
  ];
}

function streamGrants({ jobsTable }: Resources): Grant[] {
  return [
    {
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      resources: [jobsTable.tableStreamArn!],
    },
    { actions: ['dynamodb:ListStreams'], resources: ['*'], why: NO_RESOURCES },
  ];
}

function backupGrants({ jobsTable, repositoriesTable }: Resources): Grant[] {
  return [
    {
      actions: ['dynamodb:CreateBackup', 'dynamodb:DescribeContinuousBackups'],
      resources: [jobsTable.tableArn, repositoriesTable.tableArn],
    },
    { actions: ['dynamodb:ListBackups'], resources: ['*'], why: NO_RESOURCES },
  ];
}

/** The settings with the names of the resources that the function has access to. */
export function environmentOf(
  access: Access,
  resources: Resources & { jobQueueName: string; deadLettersUrl: string },
): Record<string, string> {
  const secrets = [...(access.secrets ?? []), ...(access.named ?? [])].flatMap((name) => {
    const arn = resources.secretArns[name];
    return arn ? [[`${name}_SECRET_ID`, arn] as const] : [];
  });
  return {
    DYNAMODB_JOBS_TABLE: resources.jobsTable.tableName,
    DYNAMODB_REPOSITORIES_TABLE: resources.repositoriesTable.tableName,
    ARTIFACTS_URL: `s3://${resources.artifacts.bucketName}`,
    ...(access.batchJobs && { JOB_QUEUE: resources.jobQueueName }),
    // Log lines name the execution, so functions without access to it need the ARN too.
    STATE_MACHINE_ARN: resources.stateMachineArn,
    ...Object.fromEntries(secrets),
    ...(access.notices && {
      NOTICE_TOPIC_ARN: resources.noticeTopicArn,
      NOTICE_DEAD_LETTERS_URL: resources.deadLettersUrl,
    }),
    ...(access.images === 'names' && { WORKER_IMAGES: Object.keys(resources.jobDefinitionArns).join(',') }),
    ...(access.images === 'definitions' && { JOB_DEFINITIONS: jsonOf(resources.jobDefinitionArns) }),
    ...(access.rotates && { ROTATED_SECRETS: rotatedSecrets(access.rotates, resources) }),
  };
}

function rotatedSecrets(names: readonly Secret[], { secretArns }: Resources): string {
  return jsonOf(
    Object.fromEntries(names.flatMap((name) => (secretArns[name] ? [[name, secretArns[name]]] : []))),
  );
}

/** JSON of ARNs. CloudFormation fills them in, so the text is put together of the names and them. */
function jsonOf(arns: Readonly<Record<string, string>>): string {
  return `{${Object.entries(arns)
    .map(([name, arn]) => `"${name}":"${arn}"`)
    .join(',')}}`;
}

/** An ARN made from a name, so that a grant does not make a dependency cycle. */
export function arnByName(service: string, resource: string): string {
  return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
}
