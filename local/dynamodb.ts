import { CreateTableCommand, DynamoDBClient, ResourceInUseException } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { JOBS_TABLE, REPOSITORIES_TABLE } from '../core/tables.ts';
import { type LoopbackServer, listenOnLoopback } from './loopback.ts';

export type DynamoDBOptions = {
  /** Keeps the tables; in memory where it is absent. */
  dataFolder?: string;
  port?: number;
  jobsTable: string;
  repositoriesTable: string;
};

/** DynamoDB's protocol on loopback over LevelDB (dynalite), with the product's two tables in it. */
export async function startDynamoDB(options: DynamoDBOptions): Promise<LoopbackServer> {
  const server = await listenOnLoopback(dynalite({ path: options.dataFolder, createTableMs: 0 }), {
    name: 'dynamodb',
    port: options.port,
  });
  const client = new DynamoDBClient({
    endpoint: server.url,
    region: 'local',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  try {
    await createTable(client, options.jobsTable, JOBS_TABLE);
    await createTable(client, options.repositoriesTable, REPOSITORIES_TABLE);
  } finally {
    client.destroy();
  }
  return server;
}

async function createTable(client: DynamoDBClient, name: string, shape: typeof JOBS_TABLE): Promise<void> {
  try {
    await client.send(new CreateTableCommand({ TableName: name, BillingMode: 'PAY_PER_REQUEST', ...shape }));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
}
