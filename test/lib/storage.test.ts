import { beforeAll, expect, test } from '@jest/globals';
import { JOBS_TABLE, REPOSITORIES_TABLE, TTL_ATTRIBUTE } from '../../core/store/tables.ts';
import { ofType, SYNTHESIS_MS, synthesize, type Template } from '../support/synthesized.ts';

let template: Template;
beforeAll(async () => {
  ({ template } = await synthesize());
}, SYNTHESIS_MS);

test('deployed tables have the same keys and indexes as local ones', () => {
  const byName = new Map(
    ofType(template, 'AWS::DynamoDB::Table').map(([, table]) => [table.TableName, table]),
  );
  for (const [name, shape] of [
    ['cody-batch-dev-jobs', JOBS_TABLE],
    ['cody-batch-dev-repositories', REPOSITORIES_TABLE],
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
});

test('the bucket keeps the artifacts of a job for longer than the table keeps the job', () => {
  // A job is deleted with its artifacts when it expires: what the bucket itself removes must not come before that.
  const rules = ofType(template, 'AWS::S3::Bucket').flatMap(
    ([, { LifecycleConfiguration }]) => LifecycleConfiguration?.Rules ?? [],
  );
  expect(rules.find(({ Prefix }) => Prefix === 'jobs/')).toMatchObject({ ExpirationInDays: 180 });
});
