import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { recordCampaign } from '../support/campaign.ts';
import { closeCampaign, killCampaign, openCampaign } from '../support/kill-campaign.ts';

const KILLS = 100;

beforeAll(openCampaign);
afterAll(closeCampaign);

test(`a stack killed ${KILLS} times loses nothing, doubles nothing, and leaves nothing behind`, async () => {
  const { turns, paidTwice } = await killCampaign(KILLS);
  // Only where a kill fell between the model's last byte and the save.
  expect(paidTwice).toBeLessThanOrEqual(turns / 100);
  recordCampaign(
    'kills (nothing-lost)',
    `${KILLS} kills of the stack: 0 lost, 0 doubled pull requests, the bill that of the model server; ${paidTwice} of ${turns} turns paid twice`,
  );
}, 2_400_000);
