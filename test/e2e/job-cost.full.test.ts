import { testCostRace } from '../support/cost-race.ts';

testCostRace(8);
