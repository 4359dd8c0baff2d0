import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { parseSettings, type Settings } from '../../core/settings.ts';
import type { ArtifactStore } from '../../core/store/artifact-store.ts';
import { openArtifacts } from '../../core/store/artifacts.ts';
import { AuditLog } from '../../core/store/audit-log.ts';
import { DrainState } from '../../core/store/drain-state.ts';
import { IdempotencyKeys } from '../../core/store/idempotency-keys.ts';
import { JobControl } from '../../core/store/job-control.ts';
import { JobTable } from '../../core/store/job-table.ts';
import { Listings } from '../../core/store/listings.ts';
import { Outbox } from '../../core/store/outbox.ts';
import { PublicationTable } from '../../core/store/publications.ts';
import { PullRequestHistory } from '../../core/store/pull-request-history.ts';
import { RateSlots } from '../../core/store/rate-slots.ts';
import { RepositoryIndex } from '../../core/store/repository-index.ts';
import { RepositoryTable } from '../../core/store/repository-table.ts';
import { ReviewTable } from '../../core/store/review-table.ts';
import { openDynamoDB } from '../../core/store/tables.ts';
import { WriteLimits } from '../../core/store/write-limits.ts';
import { createTables, startDynamoDB } from '../../local/dynamodb/dynamodb.ts';

/** Set by `npm run test:moto`, so that the tests run against moto's DynamoDB and S3. */
const MOTO = process.env.MOTO_URL;

Object.assign(process.env, {
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_REGION: 'us-east-1',
  ...(MOTO && { AWS_ENDPOINT_URL_S3: MOTO }),
});

/** The stores of a function's context, by the names that they have in it. */
type Stores = {
  jobs: JobTable;
  control: JobControl;
  rateSlots: RateSlots;
  idempotencyKeys: IdempotencyKeys;
  writeLimits: WriteLimits;
  listings: Listings;
  repositories: RepositoryTable;
  repositoryIndex: RepositoryIndex;
  reviews: ReviewTable;
  publications: PublicationTable;
  pullRequestHistory: PullRequestHistory;
  auditLog: AuditLog;
  drainState: DrainState;
  outbox: Outbox;
};

export type TestTables = Omit<Stores, 'repositories' | 'repositoryIndex'> & {
  rows: RepositoryTable;
  index: RepositoryIndex;
  stores: Stores;
  client: DynamoDBDocumentClient;
  settings: Settings;
  close(): Promise<void>;
};

/** The two tables, empty: in dynalite, as in the local stack, or in moto. */
export async function openTestTables(): Promise<TestTables> {
  const names = { jobsTable: `jobs-${randomUUID()}`, repositoriesTable: `repositories-${randomUUID()}` };
  const server = MOTO ? await tablesOfMoto(MOTO, names) : await startDynamoDB({ access: 'anyone', ...names });
  const settings = { ...parseSettings({ DYNAMODB_ENDPOINT: server.url }), ...names };
  const client = openDynamoDB(settings);
  const stores = {
    jobs: new JobTable(client, settings),
    control: new JobControl(client, settings),
    rateSlots: new RateSlots(client, settings),
    idempotencyKeys: new IdempotencyKeys(client, settings),
    writeLimits: new WriteLimits(client, settings),
    listings: new Listings(client, settings),
    repositories: new RepositoryTable(client, settings),
    repositoryIndex: new RepositoryIndex(client, settings),
    reviews: new ReviewTable(client, settings),
    publications: new PublicationTable(client, settings),
    pullRequestHistory: new PullRequestHistory(client, settings),
    auditLog: new AuditLog(client, settings),
    drainState: new DrainState(client, settings),
    outbox: new Outbox(client, settings),
  };
  return {
    ...stores,
    rows: stores.repositories,
    index: stores.repositoryIndex,
    stores,
    client,
    settings,
    close: () => server.close(),
  };
}

async function tablesOfMoto(url: string, names: { jobsTable: string; repositoriesTable: string }) {
  const client = new DynamoDBClient({ endpoint: url });
  await createTables(client, names);
  client.destroy();
  return { url, close: async () => {} };
}

/** An empty artifact store: a folder, or a bucket in moto. */
export async function openTestArtifacts(): Promise<{ store: ArtifactStore; close(): Promise<void> }> {
  if (MOTO) {
    const { store } = await openTestBucket();
    return { store, close: async () => {} };
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-artifacts-'));
  return {
    store: openArtifacts(pathToFileURL(folder).href),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A bucket in moto, with an AWS client. */
export async function openTestBucket(): Promise<{ store: ArtifactStore; s3: S3Client; bucket: string }> {
  if (!MOTO) throw new Error('This needs the S3 of `npm run test:moto`.');
  const bucket = `artifacts-${randomUUID()}`;
  const s3 = new S3Client({});
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  return { store: openArtifacts(`s3://${bucket}`), s3, bucket };
}
