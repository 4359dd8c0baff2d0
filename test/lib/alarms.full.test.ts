import { beforeAll, expect, test } from '@jest/globals';
import { alarmsOf, requireEachAlarm, requireSection } from '../support/each-alarm.ts';
import { flat, ofType, SYNTHESIS_MS, type Synthesized, synthesizeWatched } from '../support/synthesized.ts';

let watched: Synthesized;
beforeAll(async () => {
  watched = await synthesizeWatched();
}, SYNTHESIS_MS);

test('with unusual activity watched, each alarm goes off by what it watches and links to the runbook', async () => {
  await requireEachAlarm(watched.template);
  const alarms = alarmsOf(watched.template);
  expect(Object.keys(alarms)).toEqual(expect.arrayContaining(['page', 'denied-calls', 'secrets-read']));
  for (const { AlarmDescription } of Object.values(alarms))
    expect(AlarmDescription).toContain('https://wiki.example.com/docs/runbook.md#');
  for (const section of ['queue-blocked', 'budget']) requireSection(section);
});

test('the dashboard names at most 50 metrics, above which CloudWatch charges for it', () => {
  const [, { DashboardBody }] = ofType(watched.template, 'AWS::CloudWatch::Dashboard')[0]!;
  // The names of resources are in quotes that end the string around them.
  const named = flat(DashboardBody).match(/\["(?:AWS\/|CodyBatch\/)[^\]]*/g) ?? [];
  expect(named.length).toBeGreaterThan(30);
  expect(named.length).toBeLessThanOrEqual(50);
  for (const metric of ['Invocations', 'Errors', 'Duration', 'Throttles', 'ConsumedWriteCapacityUnits'])
    expect(flat(DashboardBody)).toMatch(new RegExp(`MetricName=\\\\"${metric}\\\\" cody-batch-dev'`));
});

test("the dashboard has CloudFront's hit ratio if the deployment pays for it", () => {
  const [, { DashboardBody }] = ofType(watched.template, 'AWS::CloudWatch::Dashboard')[0]!;
  expect(flat(DashboardBody)).toContain('CacheHitRate');
  expect(ofType(watched.template, 'AWS::CloudFront::MonitoringSubscription')).toHaveLength(1);
});
