import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from '@jest/globals';
import { JOB_SUMMARY_INDEX, REPOSITORIES_TABLE } from '../../core/store/tables.ts';
import { startDynamoDB } from '../../local/dynamodb/dynamodb.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a data folder whose tables lack an index is refused at the start, with what to do', async () => {
  const folder = await temporaryFolder();
  const options = {
    ...{ dataFolder: folder.path, access: 'anyone' as const },
    ...{ jobsTable: 'jobs', repositoriesTable: 'repositories' },
  };
  try {
    const first = await startDynamoDB(options);
    const client = new DynamoDBClient({ ...LOCAL_AWS, endpoint: first.url });
    const [renamed, other] = REPOSITORIES_TABLE.GlobalSecondaryIndexes!;
    await client.send(
      new CreateTableCommand({
        ...{ TableName: 'earlier', BillingMode: 'PAY_PER_REQUEST', ...REPOSITORIES_TABLE },
        GlobalSecondaryIndexes: [{ ...renamed!, IndexName: 'job-status-index' }, other!],
      }),
    );
    client.destroy();
    await first.close();
    await expect(startDynamoDB({ ...options, repositoriesTable: 'earlier' })).rejects.toThrow(
      new RegExp(`earlier.*no index ${JOB_SUMMARY_INDEX}.*--data`),
    );
  } finally {
    await folder.remove();
  }
});
