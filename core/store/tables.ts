import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Settings } from '../settings.ts';

/** The keys and indexes from which the local stack and the CDK stack create the tables. */
export const STATUS_INDEX = 'status-createdAt-index';
/** Lists all jobs by creation: every job has `entity` = `job`, and control items have none. */
export const ENTITY_INDEX = 'entity-createdAt-index';
/** The rows of a job by their status, with what a list of all of them shows. */
export const JOB_SUMMARY_INDEX = 'job-summary-index';
/** The pull requests of a job by state, so that they are found and counted without reading rows. */
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
 * DynamoDB takes 20 at most, and CloudFormation cannot change the list of an existing index, so it has what later versions
 * write too (docs/decisions/0012-slim-index.md). No attribute that a turn of a conversation writes is in it: each change of one of these
 * writes the index as well.
 */
const SUMMARY_ATTRIBUTES = [
  'run',
  'waiting',
  'outcome',
  'end',
  'changedFiles',
  'additions',
  'deletions',
  'costUsd',
  'completedAt',
  'shape',
  'kin',
  'patchSha',
  'errorShape',
  'review',
  'risk',
  'prState',
  'checks',
  'pullRequestNumber',
];

/** The indexes are eventually consistent; what decides anything reads the table. */
export const REPOSITORIES_TABLE: TableShape = {
  KeySchema: keys('jobId', 'repositoryName'),
  AttributeDefinitions: strings('jobId', 'repositoryName', 'statusKey', 'pullRequestKey'),
  GlobalSecondaryIndexes: [
    {
      IndexName: JOB_SUMMARY_INDEX,
      KeySchema: keys('jobId', 'statusKey'),
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: SUMMARY_ATTRIBUTES },
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

/** The sort key of a result's diff, which is a separate item to keep the row small. */
export function diffKey(repositoryName: string): string {
  return `${repositoryName}#diff`;
}

/** No owner of a repository begins with `#`, so no row has a key like this. */
export const REVIEW_KEY_PREFIX = '#review#';

/** The sort key of a person's decision about a shape or a repository. */
export function reviewKey({
  shape,
  repositoryName,
}: {
  shape?: string | undefined;
  repositoryName?: string | undefined;
}): string {
  return `${REVIEW_KEY_PREFIX}${shape === undefined ? `repository#${repositoryName}` : `shape#${shape}`}`;
}

/** A larger diff is in the artifacts only: an item of DynamoDB has at most 400 KB. */
export const MAX_DIFF_ITEM_BYTES = 300 * 1024;

/** The value of the TTL attribute, in epoch seconds. */
export function expiry(from: string, days: number): number {
  return Math.floor(Date.parse(from) / 1000) + days * 86_400;
}

/** The item with its TTL as ISO 8601, the form of rows outside DynamoDB. */
export function fromItem(item: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { expiresAt, ...rest } = item;
  return {
    ...rest,
    ...(expiresAt !== undefined && { expiresAt: isTime(expiresAt) ? expiryTime(expiresAt) : expiresAt }),
  };
}

/** JavaScript's times end at 8.64e15 ms. */
function isTime(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && Math.abs(seconds) <= 8.64e12;
}

/** The result of `expiry` as ISO 8601. */
export function expiryTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** The document client of this process. */
export function openDynamoDB(settings: Settings): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    region: settings.DYNAMODB_REGION ?? settings.AWS_REGION,
    ...(settings.DYNAMODB_ENDPOINT && { endpoint: settings.DYNAMODB_ENDPOINT }),
    ...(settings.credentials && { credentials: settings.credentials }),
    // Ten tries take 20 s on average. With the SDK's three, throttling or a short outage would end a worker.
    maxAttempts: 10,
  });
  return DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true },
    // By default the client returns a bigint for a number over 2^53, which JSON and the schemas do not allow.
    unmarshallOptions: { wrapNumbers: Number },
  });
}
