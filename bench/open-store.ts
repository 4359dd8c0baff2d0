import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseSettings, type Settings } from '../core/settings.ts';
import { openDynamoDB } from '../core/store/tables.ts';
import { startDynamoDB } from '../local/dynamodb/dynamodb.ts';

/**
 * Starts the emulated DynamoDB in this process, with its artifacts below the folder, and sets the environment by which the
 * product's functions find both.
 */
export async function openStore(folder: string): Promise<{
  settings: Settings;
  client: ReturnType<typeof openDynamoDB>;
  tables: { jobsTable: string; repositoriesTable: string };
}> {
  const tables = { jobsTable: 'bench-jobs', repositoriesTable: 'bench-repositories' };
  const store = await startDynamoDB({ access: 'anyone', ...tables });
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_REGION: 'us-east-1',
    AUTHORIZATION: 'none',
    DYNAMODB_ENDPOINT: store.url,
    DYNAMODB_TABLE_PREFIX: 'bench',
    ARTIFACTS_URL: pathToFileURL(path.join(folder, 'artifacts')).href,
    ALLOWED_REPOSITORIES: 'acme/r*',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
  });
  const settings = parseSettings(process.env);
  return { settings, client: openDynamoDB(settings), tables };
}
