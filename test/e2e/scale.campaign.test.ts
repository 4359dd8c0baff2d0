import { testScale } from '../support/scale.ts';

testScale(10_000);
