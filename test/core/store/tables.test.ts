import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from '@jest/globals';
import { JOBS_TABLE, REPOSITORIES_TABLE } from '../../../core/store/tables.ts';
import { openTestTables } from '../../support/stores.ts';

test('the local tables have the keys and indexes of the product', async () => {
  const { client, settings, close } = await openTestTables();
  const shapes = [
    [settings.jobsTable, JOBS_TABLE],
    [settings.repositoriesTable, REPOSITORIES_TABLE],
  ] as const;
  for (const [TableName, shape] of shapes) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.KeySchema).toEqual(shape.KeySchema);
    const byName = (a: { AttributeName?: string }, b: { AttributeName?: string }) =>
      a.AttributeName!.localeCompare(b.AttributeName!);
    expect(Table?.AttributeDefinitions?.sort(byName)).toEqual(shape.AttributeDefinitions?.toSorted(byName));
    expect(Table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
    const indexes = Table?.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
      ...{ IndexName, KeySchema, Projection },
    }));
    expect(indexes).toEqual(expect.arrayContaining([...shape.GlobalSecondaryIndexes!]));
    expect(indexes).toHaveLength(shape.GlobalSecondaryIndexes!.length);
  }
  await close();
});
