import { testLimits } from '../support/limits.ts';
import { testPace } from '../support/pace.ts';

// Twenty hours of GitHub's pace in three minutes, as far as the machine keeps up.
testPace(10_000, 500, 400);

testLimits(40);
