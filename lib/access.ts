import { Aws } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { type Grant, NO_RESOURCES } from './grant.ts';
import type { Secret } from './secrets.ts';

/** What a function does, as the classes of core/ that it calls do it; test/lib/grants.test.ts holds it to its code. */
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
  readonly executions?: readonly ('StartExecution' | 'DescribeExecution' | 'StopExecution')[];
  readonly secrets?: readonly Secret[];
  /** Secrets that it is told the names of, and cannot read. */
  readonly named?: readonly Secret[];
}

export interface Resources {
  readonly jobsTable: ITable;
  readonly repositoriesTable: ITable;
  readonly artifacts: IBucket;
  readonly jobQueueArn: string;
  /** Of the jobs that the queue has or had. */
  readonly batchJobArns: string;
  readonly stateMachineArn: string;
  readonly executionArns: string;
  readonly secretArns: Partial<Record<Secret, string>>;
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
    ...(access.executions ?? []).map((action) =>
      action === 'StartExecution'
        ? { actions: [`states:${action}`], resources: [resources.stateMachineArn] }
        : {
            actions: [`states:${action}`],
            resources: [resources.executionArns],
            why: 'Executions of this one state machine are named when they start.',
          },
    ),
    ...(access.secrets ?? []).flatMap((name) => {
      const arn = resources.secretArns[name];
      return arn ? [{ actions: ['secretsmanager:GetSecretValue'], resources: [arn] }] : [];
    }),
  ];
}

/** Items in the table; `Query` reads an index, and `QueryTable` the table itself. */
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
      why: 'A query reads an index of this one table, whichever it is.',
    },
  ];
}

function artifactGrants(bucket: IBucket, does: Access['artifacts'] = []): Grant[] {
  const keys = bucket.arnForObjects(ARTIFACT_KEYS);
  const why = 'Keys of artifacts are made when a job is.';
  const listing = does.includes('read') || does.includes('remove');
  return [
    ...does.map((what): Grant => ({ actions: [OBJECT_ACTIONS[what]], resources: [keys], why })),
    // Who may not list a bucket is told 403 of a key that does not exist, where the product expects 404.
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
      why: 'Batch gives a job its identifier when it is submitted.',
    },
  ];
}

/** The settings by which a function finds what it has access to. */
export function environmentOf(
  access: Access,
  resources: Resources & { jobQueueName: string },
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
    ...(access.executions && { STATE_MACHINE_ARN: resources.stateMachineArn }),
    ...Object.fromEntries(secrets),
  };
}

/** ARNs that are known by name before what they name exists, so that no grant makes a cycle. */
export function arnByName(service: string, resource: string): string {
  return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
}
