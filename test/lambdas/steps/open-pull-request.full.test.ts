import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { killAndRunAgain } from '../../support/kills.ts';
import { Publishing, text } from '../../support/publishing.ts';

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start();
});
afterAll(() => publishing?.close());

/** Two blobs, seven calls, labels, CODEOWNERS of the first place, reviewers. */
const CALLS = [
  'GET /repos/local/NAME/pulls',
  'GET /repos/local/NAME/branches/main',
  'GET /repos/local/NAME/git/trees/TREE',
  'POST /repos/local/NAME/git/blobs',
  'POST /repos/local/NAME/git/blobs',
  'POST /repos/local/NAME/git/trees',
  'POST /repos/local/NAME/git/commits',
  'POST /repos/local/NAME/git/refs',
  'POST /repos/local/NAME/pulls',
  'GET /repos/local/NAME/contents/.github%2FCODEOWNERS',
  'POST /repos/local/NAME/issues/1/labels',
  'POST /repos/local/NAME/pulls/1/requested_reviewers',
];

/** A read that was refused leaves what a read that was lost leaves. One more kill finds no call. */
test.each([
  ['lost', [...CALLS, undefined].keys()],
  ['refused', CALLS.flatMap((line, i) => (line.startsWith('POST') ? [i] : []))],
] as const)(
  'a function that dies at any of its calls (%s), blobs, labels and reviewers among them, and runs again leaves one of each',
  async (fate, indices) => {
    for (const index of indices) {
      const at = index + 1;
      const name = `${fate}-${at}`;
      const baseSha = await publishing.addRepository(name, {
        'a.txt': 'one\n',
        '.github/CODEOWNERS': '*.bin @alice\n',
      });
      for (const username of ['alice', 'bob'])
        await publishing.github.rest.repos.addCollaborator({ owner: 'local', repo: name, username });
      const binary = (path: string, byte: number) =>
        ({
          status: 'added',
          path,
          mode: '100755',
          content: Buffer.from([0, byte]).toString('base64'),
        }) as const;
      const files = [text('a.txt', 'two\n'), binary('one.bin', 1), binary('two.bin', 2)];
      const pullRequest = { labels: ['fleet', 'codemod'], reviewers: ['bob'], codeowners: true };
      const { killedAt, ...left } = await killAndRunAgain(
        publishing,
        { name, fate, at },
        { baseSha, files },
        pullRequest,
      );
      expect(left).toMatchObject({
        branches: ['cody-batch/change', 'main'],
        commits: 1,
        pulls: [{ state: 'open', labels: ['codemod', 'fleet'], reviewers: ['alice', 'bob'] }],
        record: { state: 'open' },
      });
      expect(left.record).not.toHaveProperty('warnings');
      const line = killedAt
        ?.replace(/\?.*/, '')
        .replace(name, 'NAME')
        .replace(/[0-9a-f]{40}$/, 'TREE');
      expect([at, line]).toEqual([at, CALLS[index]]);
    }
  },
);
