import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { alarmsOf, requireEachAlarm } from '../support/each-alarm.ts';
import {
  flat,
  type Json,
  ofType,
  SYNTHESIS_MS,
  type Synthesized,
  synthesize,
} from '../support/synthesized.ts';
import { mayPublish } from '../support/topic-policy.ts';

let dev: Synthesized;
beforeAll(async () => {
  dev = await synthesize();
}, SYNTHESIS_MS);
afterAll(() => dev?.remove());

test('each alarm goes off by what it watches, tells its topic, and names its section of the runbook', async () => {
  await requireEachAlarm(dev.template);
  const parts = Object.keys(alarmsOf(dev.template));
  expect(parts).toEqual(
    expect.arrayContaining(['api-health', 'failed-jobs', 'stuck-jobs', 'claude-spending']),
  );
});

test('every function and the worker know the namespace of the metrics that alarms watch', () => {
  const functions = ofType(dev.template, 'AWS::Lambda::Function').filter(
    ([, { FunctionName }]) => FunctionName,
  );
  expect(functions.length).toBeGreaterThan(15);
  const [, { ContainerProperties }] = ofType(dev.template, 'AWS::Batch::JobDefinition')[0]!;
  const ofWorker = ContainerProperties.Environment.find(({ Name }: Json) => Name === 'METRICS_NAMESPACE');
  const namespaces = functions.map(([, { Environment }]) => Environment.Variables.METRICS_NAMESPACE);
  expect(new Set([...namespaces, ofWorker?.Value])).toEqual(new Set(['CodyBatch/cody-batch-dev']));
});

const EVENT = {
  source: 'aws.batch',
  'detail-type': 'Batch Job Queue Blocked',
  detail: { jobQueue: '<AnalysisJobQueue.Arn>', jobName: 'job-1', statusReason: 'CAPACITY' },
};

test('a blocked queue is reported with its section of the runbook, and the topic takes it', () => {
  const rules = ofType(dev.template, 'AWS::Events::Rule').map(([, properties]) => properties);
  const [queue] = ofType(dev.template, 'AWS::Batch::JobQueue')[0]!;
  const event = { ...EVENT, detail: { ...EVENT.detail, jobQueue: `<${queue}.JobQueueArn>` } };
  const [rule, ...others] = rules.filter(({ EventPattern }) => EventPattern && matches(EventPattern, event));
  expect(others).toEqual([]);
  expect(rule!.Name).toBe('cody-batch-dev-queue-blocked');
  const [{ Arn, InputTransformer }] = rule!.Targets;
  expect(InputTransformer.InputTemplate).toContain('docs/runbook.md#queue-blocked');
  const sourceArn = `arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:rule/${rule!.Name}`;
  expect(mayPublish(dev.template, flat(Arn), { service: 'events.amazonaws.com', sourceArn })).toBe(true);
  const other = { ...event, detail: { ...event.detail, jobQueue: 'another' } };
  expect(matches(rule!.EventPattern, other)).toBe(false);
});

/** As EventBridge does for patterns of exact values. */
function matches(pattern: Json, event: Json): boolean {
  return Object.entries<Json>(pattern).every(([key, expected]) =>
    Array.isArray(expected) ? expected.map(flat).includes(event?.[key]) : matches(expected, event?.[key]),
  );
}

test('the budget may publish to the topic, and another service or alarm may not', () => {
  const [, { NotificationsWithSubscribers, Budget }] = ofType(dev.template, 'AWS::Budgets::Budget')[0]!;
  expect(NotificationsWithSubscribers).toHaveLength(2);
  const sourceArn = `arn:<AWS::Partition>:budgets::<AWS::AccountId>:budget/${flat(Budget.BudgetName)}`;
  for (const { Subscribers } of NotificationsWithSubscribers) {
    const topic = flat(Subscribers[0].Address);
    expect(mayPublish(dev.template, topic, { service: 'budgets.amazonaws.com', sourceArn })).toBe(true);
    expect(mayPublish(dev.template, topic, { service: 's3.amazonaws.com', sourceArn })).toBe(false);
    const foreign = 'arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:another';
    const cloudwatch = { service: 'cloudwatch.amazonaws.com', sourceArn: foreign };
    expect(mayPublish(dev.template, topic, cloudwatch)).toBe(false);
  }
});
