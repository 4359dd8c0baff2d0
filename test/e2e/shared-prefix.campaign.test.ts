import { testPrefixSharing } from '../support/prefix-sharing.ts';

testPrefixSharing({ atOnce: 20, inARow: 40 });
