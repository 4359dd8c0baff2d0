import { afterAll, beforeAll, beforeEach, test } from '@jest/globals';
import { canMount, DrillStack } from '../support/drill-stack.ts';
import { DRILLS } from '../support/drills.ts';

let stack: DrillStack | undefined;

beforeAll(async () => {
  if (await canMount()) stack = await DrillStack.start();
  else console.warn('Skipped: no file system can be mounted here.');
});
afterAll(() => stack?.close());

/** The others are in the campaign tier. */
beforeEach(() => stack?.mend());

test.each(['the key is wrong', 'the artifact store takes no writes'])(
  '%s, and nothing is lost or billed twice',
  async (name) => {
    if (stack) await DRILLS[name]!(stack);
  },
);
