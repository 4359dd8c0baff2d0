import { testScale } from '../support/scale.ts';

testScale(2_000);
