import { testFleetReview } from '../support/fleet-review.ts';

// Three packages, twelve repositories.
testFleetReview(4);
