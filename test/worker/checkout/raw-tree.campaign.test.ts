import { expect, test } from '@jest/globals';
import { recordCampaign } from '../../support/campaign.ts';
import { checkCases, generateCases } from '../../support/no-turn-no-change.ts';
import { RawTrees } from '../../support/raw-trees.ts';

const TREES = Number(process.env.CAMPAIGN_TREES ?? 2000);
/** Trees per clone and per local GitHub. */
const AT_ONCE = 100;
/** Determines the trees. A failure names the batch, whose number is the seed. */
const SEED = Number(process.env.CAMPAIGN_SEED ?? 1000);

test(
  `${TREES} generated repositories change only where a job edits them`,
  async () => {
    let files = 0;
    let edits = 0;
    for (let batch = 0; batch < TREES / AT_ONCE; batch += 1) {
      const cases = generateCases(SEED + batch * AT_ONCE, { trees: AT_ONCE, perCommit: 1 });
      const trees = await RawTrees.start();
      try {
        await checkCases(trees, cases);
      } finally {
        await trees.close();
      }
      for (const one of cases) {
        files += one.tree.size;
        edits += one.edits.length;
      }
    }
    expect(edits).toBeGreaterThan(TREES * 0.95);
    recordCampaign(
      'generated trees (raw-tree)',
      `${TREES} trees with ${files} files, ${edits} of them edited, seed ${SEED}: exactly the edited paths changed, with the expected blobs`,
    );
  },
  3 * 60 * 60_000,
);
