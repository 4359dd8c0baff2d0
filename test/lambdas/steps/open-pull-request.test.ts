import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GitHubProxy, startGitHubProxy } from '../../support/github-proxy.ts';
import { killAndRunAgain } from '../../support/kills.ts';
import { Publishing, text } from '../../support/publishing.ts';

let publishing: Publishing;
let proxy: GitHubProxy;

beforeAll(async () => {
  publishing = await Publishing.start();
  proxy = await startGitHubProxy(publishing.stack.gitHub);
});
afterAll(async () => {
  await proxy?.close();
  await publishing?.close();
});

const CALLS = [
  'GET /repos/local/NAME/pulls',
  'GET /repos/local/NAME/branches/main',
  'GET /repos/local/NAME/git/trees/TREE',
  'POST /repos/local/NAME/git/trees',
  'POST /repos/local/NAME/git/commits',
  'POST /repos/local/NAME/git/refs',
  'POST /repos/local/NAME/pulls',
];

const named = (call: string, name: string) =>
  call.replace(`local/${name}/`, 'local/NAME/').replace(/trees\/[0-9a-f]{40}$/, 'trees/TREE');

test('a change of one file takes seven calls, with and without throttling', async () => {
  const baseSha = await publishing.addRepository('six', { 'a.txt': 'one\n' });
  const jobId = await publishing.record([{ name: 'six', baseSha, files: [text('a.txt', 'two\n')] }]);
  const input = { jobId, run: 1, repositoryName: 'local/six' };
  const environment = { GITHUB_API_URL: proxy.apiUrl, GITHUB_THROTTLE: 'true' };
  const result = await publishing.invoke('steps/open-pull-request', input, environment).result();
  expect(result).toMatchObject({ opened: true });
  expect(proxy.calls.map(({ line }) => line.split('?')[0]!).map((call) => named(call, 'six'))).toEqual(CALLS);
});

/** The calls that make what there must be one of. open-pull-request.full.test.ts loses the answer of each call. */
const MAKING = CALLS.slice(-2);

test('a function that dies after it made the branch or the pull request and runs again leaves one branch, one commit and one pull request', async () => {
  const deaths = MAKING.map(async (call) => {
    const at = CALLS.indexOf(call) + 1;
    const name = `killed-${at}`;
    const baseSha = await publishing.addRepository(name, { 'a.txt': 'one\n' });
    const kill = { name, fate: 'lost', at } as const;
    const { killedAt, ...left } = await killAndRunAgain(publishing, kill, {
      baseSha,
      files: [text('a.txt', 'two\n')],
    });
    expect(killedAt && named(killedAt.split('?')[0]!, name)).toBe(call);
    expect(left).toMatchObject({
      branches: ['cody-batch/change', 'main'],
      commits: 1,
      pulls: [{ state: 'open' }],
      record: { state: 'open' },
    });
  });
  await Promise.all(deaths);
});
