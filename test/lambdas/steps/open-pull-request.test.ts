import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GitHubProxy, startGitHubProxy } from '../../github-proxy.ts';
import { Publishing, text } from '../../publishing.ts';

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

test('a change of one file costs six calls', async () => {
  const baseSha = await publishing.addRepository('six', { 'a.txt': 'one\n' });
  const jobId = await publishing.record([{ name: 'six', baseSha, files: [text('a.txt', 'two\n')] }]);
  proxy.decide(() => 'answered');
  const input = { jobId, run: 1, repositoryName: 'local/six' };
  const started = performance.now();
  const result = await publishing.invoke('OpenPullRequest', input, { GITHUB_API_URL: proxy.apiUrl }).result();
  console.log(performance.now() - started);
  expect(result).toMatchObject({ opened: true });
  expect(proxy.calls.map(({ line, status }) => `${status} ${line.split('?')[0]}`)).toEqual([
    '200 GET /repos/local/six/pulls',
    '200 GET /repos/local/six/branches/main',
    '201 POST /repos/local/six/git/trees',
    '201 POST /repos/local/six/git/commits',
    '201 POST /repos/local/six/git/refs',
    '201 POST /repos/local/six/pulls',
  ]);
});
