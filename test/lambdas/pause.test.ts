import { expect, test } from '@jest/globals';
import { pauseAfter } from '../../lambdas/pause.ts';
import { publishMeanwhile } from '../../statemachine/publish-meanwhile.ts';

const HOUR = 3_600_000;
/** https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const MOST_EVENTS = 25_000;
/** Entered and left, and what is between: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html */
const EVENTS: Record<string, number> = { Task: 5, Choice: 2, Map: 6, Wait: 2 };

/** How often a job is looked at in this time, where a look itself takes none. */
function looks(hours: number): number {
  let count = 0;
  for (let at = 0; at < hours * HOUR; at += pauseAfter(at)) count += 1;
  return count;
}

test('the looks at a job fit into its execution history, even for the longest execution', () => {
  const round = Object.entries(publishMeanwhile.States).filter(
    ([name]) => !['IsInWaves', 'PublishedMeanwhile'].includes(name),
  );
  const events = round.reduce((sum, [, { Type }]) => sum + EVENTS[Type]!, 0);
  expect(events).toBe(15);
  expect(looks(42)).toBeLessThan(400);
  expect(looks(7 * 24)).toBeLessThan(550);
  // With a failed try of the step in every round, which is three events more.
  expect(looks(365 * 24) * (events + 3)).toBeLessThan(MOST_EVENTS);
});

test('the pauses between looks delay a job by at most a twentieth of its time, and a short one by minutes', () => {
  for (const seconds of [20, 600, 6000, 20_000])
    expect(pauseAfter(seconds * 1000)).toBe(Math.min(300_000, (seconds * 1000) / 20));
  expect(pauseAfter(42 * HOUR)).toBe(0.42 * HOUR);
});
