import { testLostRevisions } from '../../support/lost-revisions.ts';

// The campaign races all three.
testLostRevisions(['fromPatch']);
