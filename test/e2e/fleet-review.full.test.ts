import { testFleetReview } from '../support/fleet-review.ts';

// The campaign has four of each.
testFleetReview(2);
