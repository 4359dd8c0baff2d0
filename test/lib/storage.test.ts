import { expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { JOBS_TABLE, REPOSITORIES_TABLE, TTL_ATTRIBUTE } from '../../core/store/tables.ts';
import { Names } from '../../lib/names.ts';
import { Storage } from '../../lib/storage.ts';

test('deployed tables have the same keys and indexes as local ones', () => {
  const stack = new Stack(new App(), 'Test');
  new Storage(stack, 'Storage', {
    names: new Names('test'),
    keepData: true,
    deletionProtection: true,
    resultDays: 90,
  });
  const tables = Object.values(Template.fromStack(stack).findResources('AWS::DynamoDB::Table'));
  const byName = new Map(tables.map(({ Properties }) => [Properties.TableName, Properties]));
  for (const [name, shape] of [
    ['cody-batch-test-jobs', JOBS_TABLE],
    ['cody-batch-test-repositories', REPOSITORIES_TABLE],
  ] as const) {
    const { AttributeDefinitions, ...table } = byName.get(name)!;
    expect(table).toMatchObject({
      KeySchema: shape.KeySchema,
      GlobalSecondaryIndexes: shape.GlobalSecondaryIndexes,
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
    });
    expect(AttributeDefinitions).toHaveLength(shape.AttributeDefinitions!.length);
    expect(AttributeDefinitions).toEqual(expect.arrayContaining([...shape.AttributeDefinitions!]));
  }
  expect(byName.size).toBe(2);
  // A job is deleted with its artifacts when it expires: what the bucket itself removes must not come before that.
  const rules = Object.values(Template.fromStack(stack).findResources('AWS::S3::Bucket')).flatMap(
    ({ Properties }) => Properties.LifecycleConfiguration.Rules,
  );
  expect(rules.find(({ Prefix }) => Prefix === 'jobs/')).toMatchObject({ ExpirationInDays: 180 });
});
