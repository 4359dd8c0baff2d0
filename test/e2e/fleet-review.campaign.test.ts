import { testFleetReview } from '../support/fleet-review.ts';

testFleetReview(4);
