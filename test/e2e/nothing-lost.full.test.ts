import { afterAll, beforeAll, test } from '@jest/globals';
import { closeCampaign, killCampaign, openCampaign } from '../support/kill-campaign.ts';

const KILLS = 8;

beforeAll(openCampaign);
afterAll(closeCampaign);

test(`a stack killed ${KILLS} times loses nothing, doubles nothing, and leaves nothing behind`, async () => {
  await killCampaign(KILLS);
}, 1_800_000);
