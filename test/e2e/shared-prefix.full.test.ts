import { testPrefixSharing } from '../support/prefix-sharing.ts';

testPrefixSharing({ atOnce: 8, inARow: 12 });
