import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Settings } from '../settings.ts';

/** The names of keys and indexes, as data that the local stack and the CDK stack both create their tables from. */
export const STATUS_INDEX = 'status-createdAt-index';
/** Lists all jobs by creation: every job has `entity` = `job`, and control items have none. */
export const ENTITY_INDEX = 'entity-createdAt-index';
export const JOB_STATUS_INDEX = 'job-status-index';
/** The pull requests of a job by their state: those that are open are found, and all are counted, without reading rows. */
export const PULL_REQUEST_INDEX = 'pull-request-index';
export const TTL_ATTRIBUTE = 'expiresAt';

type TableShape = Pick<
  CreateTableCommandInput,
  'KeySchema' | 'AttributeDefinitions' | 'GlobalSecondaryIndexes'
>;

const keys = (hash: string, range?: string): NonNullable<TableShape['KeySchema']> => [
  { AttributeName: hash, KeyType: 'HASH' },
  ...(range ? [{ AttributeName: range, KeyType: 'RANGE' as const }] : []),
];
const strings = (...names: string[]): NonNullable<TableShape['AttributeDefinitions']> =>
  names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' }));

export const JOBS_TABLE: TableShape = {
  KeySchema: keys('jobId'),
  AttributeDefinitions: strings('jobId', 'status', 'entity', 'createdAt'),
  GlobalSecondaryIndexes: [
    {
      IndexName: STATUS_INDEX,
      KeySchema: keys('status', 'createdAt'),
      Projection: { ProjectionType: 'ALL' },
    },
    {
      IndexName: ENTITY_INDEX,
      KeySchema: keys('entity', 'createdAt'),
      Projection: { ProjectionType: 'ALL' },
    },
  ],
};

/**
 * The index of statuses holds keys, and `waiting`, by which repositories that wait for the model are counted. It is
 * written only when one of them changes, and the table is what one trusts.
 */
export const REPOSITORIES_TABLE: TableShape = {
  KeySchema: keys('jobId', 'repositoryName'),
  AttributeDefinitions: strings('jobId', 'repositoryName', 'statusKey', 'pullRequestKey'),
  GlobalSecondaryIndexes: [
    {
      IndexName: JOB_STATUS_INDEX,
      KeySchema: keys('jobId', 'statusKey'),
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['waiting'] },
    },
    {
      IndexName: PULL_REQUEST_INDEX,
      KeySchema: keys('jobId', 'pullRequestKey'),
      Projection: {
        ProjectionType: 'INCLUDE',
        NonKeyAttributes: ['pullRequest', 'pullRequestNumber'],
      },
    },
  ],
};

/** The key of a job's control item: its reservations, and whether it is stopped. */
export function controlKey(jobId: string): string {
  return `${jobId}#control`;
}

/** The key of a rate limiter's item: `limiter` is a job, or a credential of GitHub. */
export function rateSlotKey(limiter: string): string {
  return `pacing#${limiter}`;
}

/** The sort key of a result's diff, in its own item so that it never weighs on the row. */
export function diffKey(repositoryName: string): string {
  return `${repositoryName}#diff`;
}

/** A diff of at most this many bytes is also in DynamoDB, where an item may hold 400 KB. */
export const MAX_DIFF_ITEM_BYTES = 300 * 1024;

/** Epoch seconds, as TTL wants them. */
export function expiry(from: string, days: number): number {
  return Math.floor(Date.parse(from) / 1000) + days * 86_400;
}

/** The item with its TTL as ISO 8601, as rows hold it outside DynamoDB. */
export function fromItem(item: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { expiresAt, ...rest } = item;
  return {
    ...rest,
    ...(expiresAt !== undefined && { expiresAt: isTime(expiresAt) ? expiryTime(expiresAt) : expiresAt }),
  };
}

/** The times that JavaScript knows end at 8.64e15 ms. */
function isTime(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && Math.abs(seconds) <= 8.64e12;
}

/** ISO 8601 of what `expiry` gives. */
export function expiryTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** The document client of this process. */
export function openDynamoDB(settings: Settings): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    region: settings.DYNAMODB_REGION ?? settings.AWS_REGION,
    ...(settings.DYNAMODB_ENDPOINT && { endpoint: settings.DYNAMODB_ENDPOINT }),
    ...(settings.credentials && { credentials: settings.credentials }),
    // Ten tries take 20 s on average. With the SDK's three, a hot item or a blink of the service would end a worker.
    maxAttempts: 10,
  });
  return DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true },
    // By itself the client makes a bigint of a number over 2^53, which JSON cannot carry and no schema here admits.
    unmarshallOptions: { wrapNumbers: Number },
  });
}
