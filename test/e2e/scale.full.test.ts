import { testScale } from '../support/scale.ts';

testScale(200);
