import { afterAll, beforeAll, test } from '@jest/globals';
import { recordCampaign } from '../../support/campaign.ts';
import type { Fleet } from '../../support/fleet.ts';
import { race, startRaces } from '../../support/races.ts';

const ROUNDS = 200;
const FIRST = Number(process.env.SEED ?? 1001);

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startRaces();
});
afterAll(() => fleet?.close());

test(`${ROUNDS} jobs of which everything is asked at once lose nothing, leave nothing and double nothing (SEED=${FIRST})`, async () => {
  const tally = await race(
    fleet,
    Array.from({ length: ROUNDS }, (_, i) => FIRST + i),
  );
  const answers = Object.entries(tally).map(([answer, times]) => `${answer} ${times} times`);
  recordCampaign(
    'races',
    `${ROUNDS} rounds, first seed ${FIRST}: no row left, no 5xx, no false 200, no doubled pull request; ${answers.join(', ')}`,
  );
}, 3_600_000);
