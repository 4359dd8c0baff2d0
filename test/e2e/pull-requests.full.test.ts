import { testLimits } from '../support/limits.ts';
import { testPace } from '../support/pace.ts';

testLimits(12);

// Three hours of a slow pace, at four pull requests a second, which any machine opens; the campaign takes twenty of a fast one.
testPace(60, 20, 720);
