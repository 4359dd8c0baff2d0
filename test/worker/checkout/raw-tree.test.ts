import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkCases, generateCases } from '../../support/no-turn-no-change.ts';
import { RawTrees } from '../../support/raw-trees.ts';

let trees: RawTrees;
beforeAll(async () => {
  trees = await RawTrees.start();
});
afterAll(() => trees.close());

test('in trees with any attributes, only the edited file changes, and the patch reproduces exactly that', async () => {
  const cases = generateCases(1, { trees: 100, perCommit: 10 });
  expect(cases.flatMap(({ edits }) => edits).length).toBeGreaterThan(95);
  await checkCases(trees, cases);
});
