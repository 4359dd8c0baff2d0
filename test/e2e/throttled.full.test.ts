import { testThrottled } from '../support/throttled.ts';

testThrottled(10);
