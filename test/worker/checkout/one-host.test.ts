import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseSettings } from '../../../core/settings.ts';
import { createOctokit } from '../../../lambdas/github/octokit.ts';
import { type LoopbackServer, listenOnLoopback } from '../../../local/access/loopback.ts';
import { Stack, submitUnchanged } from '../../support/worker-stack.ts';

let stack: Stack;
/** Another host, by its port. `redirecting` redirects to it with every status that clients follow. */
let other: LoopbackServer;
let redirecting: LoopbackServer;
let status = 302;
let asked: string[] = [];

beforeAll(async () => {
  stack = await Stack.start();
  other = await listenOnLoopback(
    ({ method, url, headers }, response) => {
      asked.push(`${method} ${url} ${headers.authorization ?? headers['x-api-key'] ?? ''}`);
      response.writeHead(404).end();
    },
    { access: 'anyone', name: 'other host' },
  );
  redirecting = await listenOnLoopback(
    (request, response) => {
      request.resume();
      response.writeHead(status, { location: `${other.url}${request.url}` }).end();
    },
    { access: 'anyone', name: 'redirecting host' },
  );
});
afterAll(async () => {
  await Promise.all([other.close(), redirecting.close()]);
  await stack.close();
});

test('neither git nor an API client follows a redirect to another host, which would get the token', async () => {
  const name = 'acme/redirected';
  await stack.createRepository(name, { 'a.txt': 'a\n' });
  const gitHub = { GITHUB_API_URL: `${redirecting.url}/api/v3` };
  for (status of [301, 307]) {
    asked = [];
    const jobId = await stack.createJob([name], { createPullRequests: true });
    await stack.work([jobId, name], [submitUnchanged], gitHub);
    expect(await stack.outcome(jobId, name)).toMatchObject({
      outcome: 'failed',
      error: {
        name: 'RepositoryUnavailableError',
        message: expect.stringMatching(
          /redirects .* A token is sent to one host only: correct GITHUB_API_URL/,
        ),
      },
    });
    const octokit = createOctokit(
      parseSettings({ ...stack.environment, ...gitHub }),
      'test-github-token-0123456789',
    );
    const [owner, repo] = ['acme', 'redirected'];
    await expect(octokit.rest.repos.get({ owner, repo })).rejects.toMatchObject({
      status: 421,
      message: expect.stringContaining(`redirects to ${other.url}`),
    });
    await expect(octokit.rest.git.createBlob({ owner, repo, content: 'private code' })).rejects.toMatchObject(
      { status: 421 },
    );

    const asking = await stack.createJob([name]);
    await stack.work([asking, name], [], { ANTHROPIC_BASE_URL: redirecting.url });
    expect(await stack.outcome(asking, name)).toMatchObject({
      outcome: 'failed',
      error: { name: 'ModelRequestError', message: expect.stringContaining(`answered ${status}`) },
    });
    expect(asked).toEqual([]);
  }
});

test('a renamed repository is cloned by its current name from the API, with its tags and its branches', async () => {
  await stack.createRepository('acme/old-name', { 'a.txt': 'a\n' });
  const renamed = await fetch(`${stack.github.apiUrl}/repos/acme/old-name`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'new-name' }),
  });
  expect(renamed.status).toBe(200);
  const settings = { setup: ['git log --oneline'], fetchTags: true };
  const jobId = await stack.createJob(['acme/old-name'], { createPullRequests: true, settings });
  const { log } = await stack.work([jobId, 'acme/old-name'], [submitUnchanged]);
  expect(log).toContain('acme/old-name was renamed to acme/new-name');
  expect(await stack.outcome(jobId, 'acme/old-name')).toMatchObject({ outcome: 'unchanged' });
});
