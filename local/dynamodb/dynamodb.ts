import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
} from '@aws-sdk/client-dynamodb';
import { SettingsError } from '../../core/errors.ts';
import { JOBS_TABLE, REPOSITORIES_TABLE } from '../../core/store/tables.ts';
import type { Access } from '../access/access.ts';
import { ACCESS_KEY_ID } from '../access/access-key.ts';
import type { LoopbackServer } from '../access/loopback.ts';
import type { StreamRecord, ThreadInput, ThreadMessage } from './dynamodb-thread.ts';

export type DynamoDBOptions = {
  /** Has the tables. In memory if it is absent. */
  dataFolder?: string;
  port?: number;
  /** Who may call. */
  access: Access;
  jobsTable: string;
  repositoriesTable: string;
  /** Gets every change of the jobs table, as its stream on AWS has it. */
  onChange?: (record: StreamRecord) => void;
};

/**
 * Serves DynamoDB's protocol on loopback over LevelDB (dynalite), with the product's two tables. It runs in a separate
 * thread, because half of the cost of a write is the client's, in this one (10,000 rows are written 1.4 times as fast).
 */
export async function startDynamoDB(options: DynamoDBOptions): Promise<LoopbackServer> {
  const { thread, url, port } = await startThread(options);
  const close = async () => {
    thread.postMessage('close');
    await once(thread, 'exit');
  };
  const client = new DynamoDBClient({
    endpoint: url,
    region: 'local',
    credentials: {
      accessKeyId: ACCESS_KEY_ID,
      secretAccessKey: options.access === 'anyone' ? 'any' : options.access.secret,
    },
  });
  try {
    await createTables(client, options);
  } catch (error) {
    await close();
    throw error;
  } finally {
    client.destroy();
  }
  return { url, port, close };
}

/** The installed package has it as JavaScript, beside the bundle of this file. */
const THREAD = import.meta.url.endsWith('.ts') ? './dynamodb-thread.ts' : './dynamodb-thread.js';

async function startThread({
  dataFolder,
  port = 0,
  access,
  jobsTable,
  onChange = () => {},
}: DynamoDBOptions) {
  const workerData: ThreadInput = { path: dataFolder, port, access, streamed: jobsTable };
  const thread = new Worker(new URL(THREAD, import.meta.url), { workerData });
  // A later error of the store ends this process, as it would without a thread.
  thread.on('error', (error) => {
    throw error;
  });
  const [message] = (await once(thread, 'message')) as [ThreadMessage];
  if ('listening' in message) {
    thread.on('message', (later: ThreadMessage) => {
      if ('changed' in later) onChange(later.changed);
    });
    return { thread, ...message.listening };
  }
  await thread.terminate();
  if (!('failed' in message)) throw new Error('The thread of DynamoDB began with a change.');
  const { failed } = message;
  throw Object.assign(new Error(failed.message), { code: failed.code });
}

/** Creates the product's two tables if they do not exist. */
export async function createTables(
  client: DynamoDBClient,
  names: Pick<DynamoDBOptions, 'jobsTable' | 'repositoriesTable'>,
): Promise<void> {
  await createTable(client, names.jobsTable, JOBS_TABLE);
  await createTable(client, names.repositoriesTable, REPOSITORIES_TABLE);
}

async function createTable(client: DynamoDBClient, name: string, shape: typeof JOBS_TABLE): Promise<void> {
  try {
    await client.send(new CreateTableCommand({ TableName: name, BillingMode: 'PAY_PER_REQUEST', ...shape }));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
    await requireIndexes(client, name, shape);
  }
}

/** The embedded store cannot add an index to a table, and without it every answer would be an error. */
async function requireIndexes(client: DynamoDBClient, name: string, shape: typeof JOBS_TABLE): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
  const found = new Set(Table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName));
  const missing = shape.GlobalSecondaryIndexes!.find(({ IndexName }) => !found.has(IndexName));
  if (!missing) return;
  throw new SettingsError(
    `The table ${name} is of another version of Cody Batch: it has no index ${missing.IndexName}. Use another data folder (--data DIR), or remove this one with its jobs.`,
  );
}
