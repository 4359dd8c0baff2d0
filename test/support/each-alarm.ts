import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { SAMPLES } from './alarm-samples.ts';
import { dataOf, goesOff } from './metric-data.ts';
import { flat, type Json, ofType, type Template } from './synthesized.ts';
import { mayPublish } from './topic-policy.ts';

/** The alarms of a template, by the last part of their names. */
export function alarmsOf(template: Template): Record<string, Json> {
  return Object.fromEntries(
    ofType(template, 'AWS::CloudWatch::Alarm').map(([, alarm]) => [
      alarm.AlarmName.replace(/^cody-batch-[a-z0-9]+-/, ''),
      alarm,
    ]),
  );
}

/**
 * Fails for an alarm that no sample sets off, that a healthy line or too little sets off, whose topic refuses it, or that has no
 * section in the runbook.
 */
export async function requireEachAlarm(template: Template): Promise<void> {
  const alarms = alarmsOf(template);
  expect(Object.keys(alarms).filter((part) => !SAMPLES[part])).toEqual([]);
  for (const [part, alarm] of Object.entries(alarms)) {
    const { fires, healthy } = await SAMPLES[part]!({ template, alarm });
    const bad = [...dataOf(template, fires.lines ?? []), ...(fires.data ?? [])];
    const good = [...dataOf(template, healthy.lines ?? []), ...(healthy.data ?? [])];
    expect([part, 'goes off', goesOff(alarm, bad)]).toEqual([part, 'goes off', true]);
    expect([part, 'is quiet', goesOff(alarm, good)]).toEqual([part, 'is quiet', false]);
    expect([part, 'is quiet without data', goesOff(alarm, [])]).toEqual([
      part,
      'is quiet without data',
      false,
    ]);
    if (alarm.EvaluationPeriods > 1) expect([part, goesOff(alarm, bad, 1)]).toEqual([part, false]);
    requireNotice(template, part, alarm);
  }
}

function requireNotice(template: Template, part: string, alarm: Json): void {
  expect([part, alarm.AlarmActions.length]).toEqual([part, 1]);
  const sourceArn = `arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:${alarm.AlarmName}`;
  const publisher = { service: 'cloudwatch.amazonaws.com', sourceArn };
  expect([part, mayPublish(template, flat(alarm.AlarmActions[0]), publisher)]).toEqual([part, true]);
  const [, file, section] = /What to do: (\S+)#(\S+)$/.exec(alarm.AlarmDescription) ?? [];
  expect([part, section, file?.endsWith('docs/runbook.md')]).toEqual([part, part, true]);
  requireSection(section!);
}

/** A section of an alarm says what to check, what it can be, what to do, and what to learn. */
export function requireSection(section: string): void {
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  const [, text = ''] = runbook.split(new RegExp(`^#{2,4} ${section}$`, 'm'));
  const [own = ''] = text.split(/^#{1,4} /m);
  const steps = ['Validate', 'Triage', 'Act', 'Reflect'].filter((step) => !own.includes(`**${step}.**`));
  expect([section, 'lacks', steps]).toEqual([section, 'lacks', []]);
}
