import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Fleet } from '../../support/fleet.ts';
import { race, startRaces } from '../../support/races.ts';

/** A race in which nothing was carried out shows nothing, so there are more rounds where one of these is missing. */
const CARRIED_OUT = [
  'cancel 200',
  'retry 202',
  'publish 202',
  'continue 202',
  'review 200',
  'revise 202',
  'delete 204',
  'replay 200',
  'replay 410',
];
const AT_LEAST = 8;
const AT_MOST = 32;
const FIRST = Number(process.env.SEED ?? 1);

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startRaces();
});
afterAll(() => fleet?.close());

test(`jobs of which everything is asked at once lose nothing, leave nothing and double nothing (SEED=${FIRST})`, async () => {
  const tally: Record<string, number> = {};
  const missing = () => CARRIED_OUT.filter((one) => !tally[one]);
  let rounds = 0;
  while (rounds < AT_LEAST || (missing().length > 0 && rounds < AT_MOST)) {
    const seeds = Array.from({ length: rounds === 0 ? AT_LEAST : 4 }, (_, i) => FIRST + rounds + i);
    for (const [one, times] of Object.entries(await race(fleet, seeds)))
      tally[one] = (tally[one] ?? 0) + times;
    rounds += seeds.length;
  }
  process.stderr.write(`${rounds} rounds: ${JSON.stringify(tally)}\n`);
  expect(missing()).toEqual([]);
}, 1_800_000);
