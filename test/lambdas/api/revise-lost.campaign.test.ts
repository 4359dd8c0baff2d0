import { testLostRevisions } from '../../support/lost-revisions.ts';

testLostRevisions();
