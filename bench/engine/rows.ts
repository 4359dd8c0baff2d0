import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import {
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { inParallel } from '../../core/in-parallel.ts';
import { newJobId } from '../../core/job.ts';
import { parseSettings } from '../../core/settings.ts';
import { RepositoryTable } from '../../core/store/repository-table.ts';
import { controlKey, openDynamoDB } from '../../core/store/tables.ts';
import { startDynamoDB } from '../../local/dynamodb/dynamodb.ts';
import { applyEnvironment, stackEnvironment, TABLE_PREFIX } from '../../local/environment.ts';
import { compileTemplate } from '../../local/states/template.ts';
import { mapOver, recordOnly, rowWrites } from './definition.ts';
import { CONCURRENCY, CONNECTION, runEngine } from './run-engine.ts';

const TABLES = {
  JobsTable: `${TABLE_PREFIX}-jobs`,
  RepositoriesTable: `${TABLE_PREFIX}-repositories`,
};

/** The store needs the secret, as in the product. */
const SECRET = randomBytes(32).toString('base64url');

type Database = { url: string; jobId: string };

/** Creates rows as ResolveRepositories does, then runs one execution that starts, admits and ends each. */
export function engineWithRows(repositoryNames: readonly string[], folder: string): Promise<number> {
  return withRows(repositoryNames, folder, ({ url, jobId }) =>
    runEngine({
      folder,
      definition: mapOver(recordOnly),
      substitutions: { ...TABLES, ArtifactsBucket: 'bench' },
      jobId,
      repositoryNames,
      dynamoDbUrl: url,
      secret: SECRET,
    }),
  );
}

/** The floor of the rows: the same rows and updates, directly through the SDK. */
export function writesAlone(repositoryNames: readonly string[], folder: string): Promise<number> {
  return withRows(repositoryNames, folder, async ({ url, jobId }) => {
    const fills = rowWrites.map(({ Parameters }) => {
      const text = JSON.stringify(Parameters).replace(
        /\$\{(\w+)\}/g,
        (_, name: keyof typeof TABLES) => TABLES[name],
      );
      return compileTemplate(JSON.parse(text), 'state');
    });
    const at = new Date().toISOString();
    const context = {
      Execution: { Id: '', Name: '', StartTime: at, Input: {} },
      StateMachine: { Id: '', Name: '' },
    };
    const client = new DynamoDBClient({ ...CONNECTION, endpoint: url });
    await inParallel(repositoryNames, CONCURRENCY, async (repositoryName) => {
      const row = { jobId, repositoryName, run: 1, worker: { token: randomUUID() } };
      for (const fill of fills)
        await client.send(new UpdateItemCommand(fill(row, context) as unknown as UpdateItemCommandInput));
    });
    client.destroy();
    return 0;
  });
}

/** Throws if a write was lost: the control item counts admitted repositories. */
async function withRows(
  repositoryNames: readonly string[],
  folder: string,
  work: (database: Database) => Promise<number>,
): Promise<number> {
  const dynamodb = await startDynamoDB({
    access: { secret: SECRET, requireSecret: false },
    dataFolder: path.join(folder, 'dynamodb'),
    jobsTable: TABLES.JobsTable,
    repositoriesTable: TABLES.RepositoriesTable,
  });
  const environment = stackEnvironment({
    endpoints: { dynamodb: dynamodb.url, states: '', batch: '', logs: '' },
    secret: SECRET,
    artifactsFolder: folder,
    temporaryFolder: folder,
    given: {},
  });
  applyEnvironment(environment);
  const settings = parseSettings(environment);
  const client = openDynamoDB(settings);
  const jobId = newJobId();
  await new RepositoryTable(client, settings).createPending(jobId, repositoryNames, new Date().toISOString());
  const result = await work({ url: dynamodb.url, jobId });
  const control = await client.send(
    new GetItemCommand({ TableName: TABLES.JobsTable, Key: { jobId: { S: controlKey(jobId) } } }),
  );
  if (control.Item?.admitted?.N !== String(repositoryNames.length))
    throw new Error(`${control.Item?.admitted?.N} of ${repositoryNames.length} rows were admitted.`);
  client.destroy();
  await dynamodb.close();
  return result;
}
