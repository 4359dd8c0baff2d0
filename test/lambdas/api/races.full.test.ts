import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Fleet } from '../../support/fleet.ts';
import { race, startRaces } from '../../support/races.ts';

/** The campaign takes 200. In these ten everything is asked where it can be carried out. */
const ROUNDS = 10;
const FIRST = Number(process.env.SEED ?? 21);

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
  process.stderr.write(`${JSON.stringify(tally)}\n`);
  // A race in which nothing was carried out shows nothing.
  for (const one of [
    'cancel 200',
    'retry 202',
    'publish 202',
    'continue 202',
    'review 200',
    'revise 202',
    'delete 204',
    'replay 200',
    'replay 410',
  ])
    expect([one, tally[one]]).toEqual([one, expect.any(Number)]);
}, 1_800_000);
