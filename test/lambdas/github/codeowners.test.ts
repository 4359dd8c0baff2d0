import { expect, test } from '@jest/globals';
import { ownersOf } from '../../../lambdas/github/codeowners.ts';

/** In the shape of the examples of GitHub's documentation. */
const CODEOWNERS = `
# The owners of everything that nothing below matches.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* @docs-owner
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @log-owner
/apps/github
/sp\\ ace/file\\#1.md @escaped
!negated @nobody
[a-z].md @nobody
/exact?.rb @question
`;

test.each([
  ['README', ['global-owner1', 'global-owner2']],
  ['deep/down/main.js', ['js-owner']],
  // Only an e-mail address: no user to ask.
  ['main.go', []],
  ['a/b.txt', ['octo-org/octocats']],
  ['build/logs/today.bin', ['log-owner']],
  ['docs/getting-started.md', ['doctocat']],
  ['other/docs/page.md', ['global-owner1', 'global-owner2']],
  ['deep/apps/main.c', ['octocat']],
  ['apps/github/main.c', []],
  ['apps/other/main.c', ['octocat']],
  ['scripts/run', ['doctocat', 'octocat']],
  ['a/b/logs/c/d', ['log-owner']],
  ['sp ace/file#1.md', ['escaped']],
  ['x.md', ['global-owner1', 'global-owner2']],
  ['exact1.rb', ['question']],
  ['exact12.rb', ['global-owner1', 'global-owner2']],
  ['MAIN.JS', ['global-owner1', 'global-owner2']],
])('%s is reviewed by those whom the last matching line names', (file, owners) => {
  expect(ownersOf(CODEOWNERS, [file])).toEqual(owners);
});

test('docs/* matches the files directly in docs, and none below', () => {
  expect(ownersOf('docs/* @one', ['docs/a.md', 'docs/deep/b.md'])).toEqual(['one']);
  expect(ownersOf('docs/* @one', ['docs/deep/b.md'])).toEqual([]);
  expect(ownersOf('docs/** @one', ['docs/deep/b.md'])).toEqual(['one']);
});

test('each owner is requested once, even for several files', () => {
  expect(ownersOf('*.a @one @two\n*.b @two', ['x.a', 'y.b'])).toEqual(['one', 'two']);
});

test('a hostile pattern does not take long', () => {
  const pattern = `${'a*'.repeat(200)}b @x`;
  expect(ownersOf(pattern, ['a'.repeat(4000)])).toEqual([]);
  expect(ownersOf(`/${'**/'.repeat(200)}b @x`, [`${'a/'.repeat(1000)}c`])).toEqual([]);
});
