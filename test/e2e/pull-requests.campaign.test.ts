import { testPace } from '../support/pace.ts';

testPace(10_000);
