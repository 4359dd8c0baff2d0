import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { recordCampaign } from '../support/campaign.ts';
import { canMount, DrillStack } from '../support/drill-stack.ts';
import { DRILLS } from '../support/drills.ts';

let stack: DrillStack | undefined;
const figures: string[] = [];

beforeAll(async () => {
  if (await canMount()) stack = await DrillStack.start();
});
afterAll(async () => {
  await stack?.close();
  if (figures.length === Object.keys(DRILLS).length) recordCampaign('drills', figures.join('; '));
});

beforeEach(() => stack?.mend());

test.each(Object.entries(DRILLS))('%s, and nothing is lost or billed twice', async (name, drill) => {
  expect(stack).toBeDefined();
  figures.push(`${name}: ${await drill(stack!)}`);
});
