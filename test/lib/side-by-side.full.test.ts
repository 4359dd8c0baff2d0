import { beforeAll, expect, test } from '@jest/globals';
import {
  flat,
  ofType,
  SYNTHESIS_MS,
  synthesize,
  synthesizeWatched,
  type Template,
  withPage,
} from '../support/synthesized.ts';

let templates: Template[];
beforeAll(async () => {
  const dev = await synthesizeWatched();
  const stage = await synthesize({ environment: 'stage', ...(await withPage()) });
  templates = [dev.template, stage.template];
}, SYNTHESIS_MS);

/** Types whose names are unique in an account, or in all of AWS, and not only in a region. */
const ACROSS_REGIONS = [
  'AWS::Budgets::Budget',
  'AWS::CloudFront::Function',
  'AWS::CloudFront::OriginAccessControl',
  'AWS::CloudFront::ResponseHeadersPolicy',
  'AWS::CloudWatch::Dashboard',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Role',
  'AWS::IAM::User',
  'AWS::S3::Bucket',
];

/** Names that are a member of another resource, or of a person: two stacks may both have them. */
const NOT_OF_THE_RESOURCE = ['ContainerName', 'GroupName', 'MetricName', 'PolicyName', 'StageName'];

/** `Type Name` of every resource that the stack names itself. */
function namesOf({ Resources }: Template): { type: string; name: string }[] {
  return Object.values(Resources).flatMap(({ Type, Properties }) => {
    const all = { ...Properties, ...Properties?.Budget, ...Properties?.Name, ...nested(Properties) };
    return Object.entries(all).flatMap(([key, value]) => {
      const isName = /^(?:Name|\w+Name)$/.test(key) && !NOT_OF_THE_RESOURCE.includes(key);
      const text = isName ? named(value) : undefined;
      return text?.includes('cody-batch') ? [{ type: Type, name: text }] : [];
    });
  });
}

/** The configurations of CloudFront's resources have the names. */
function nested(properties: Record<string, unknown> = {}): object {
  return Object.assign(
    {},
    ...Object.entries(properties).flatMap(([key, value]) => (/Config$/.test(key) ? [value] : [])),
  );
}

function named(value: unknown): string | undefined {
  try {
    return flat(value);
  } catch {
    return undefined;
  }
}

test('two environments of one account and region share no name', () => {
  const [dev, stage] = templates.map((template) =>
    namesOf(template).map(({ type, name }) => `${type} ${name}`),
  );
  expect(dev!.length).toBeGreaterThan(40);
  expect(dev!.filter((name) => stage!.includes(name))).toEqual([]);
});

test('one environment in two regions of an account shares no name that is unique across regions', () => {
  const across = namesOf(templates[0]!).filter(({ type }) => ACROSS_REGIONS.includes(type));
  expect(across.length).toBeGreaterThan(5);
  expect(across.filter(({ name }) => !name.includes('<AWS::Region>'))).toEqual([]);
});

test('what is written without end is removed in the end: logs, access logs, items, artifacts and dead letters', () => {
  const [, template] = templates;
  const groups = ofType(template!, 'AWS::Logs::LogGroup');
  expect(groups.length).toBeGreaterThan(15);
  expect(groups.filter(([, { RetentionInDays }]) => !(RetentionInDays <= 90))).toEqual([]);
  for (const [, { TimeToLiveSpecification }] of ofType(template!, 'AWS::DynamoDB::Table'))
    expect(TimeToLiveSpecification).toMatchObject({ Enabled: true });
  const expiring = ofType(template!, 'AWS::S3::Bucket').flatMap(
    ([, { BucketName, LifecycleConfiguration }]) =>
      LifecycleConfiguration?.Rules.some(
        ({ ExpirationInDays }: { ExpirationInDays?: number }) => ExpirationInDays,
      )
        ? [/cody-batch-stage-([a-z-]+)-</.exec(flat(BucketName))![1]]
        : [],
  );
  expect(expiring.sort()).toEqual(['access-logs', 'artifacts']);
  for (const [, { MessageRetentionPeriod }] of ofType(template!, 'AWS::SQS::Queue'))
    expect(MessageRetentionPeriod).toBeLessThanOrEqual(14 * 86_400);
});
