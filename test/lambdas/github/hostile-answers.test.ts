import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { parseSettings } from '../../../core/settings.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { readOwner } from '../../../lambdas/choose/owner-listing.ts';
import type { Context } from '../../../lambdas/context.ts';
import { createOctokit } from '../../../lambdas/github/octokit.ts';
import { openPullRequest } from '../../../lambdas/steps/open-pull-request.ts';
import { type LoopbackServer, listenOnLoopback } from '../../../local/access/loopback.ts';
import { jobRow } from '../../support/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

const AT = '2026-01-02T03:04:05.000Z';

/** What is taken for GitHub, and answers as the test says. */
let gitHub: LoopbackServer;
let answer: (url: string, response: ServerResponse) => void;
/** Another host, by its port. */
let other: LoopbackServer;
let asked: string[] = [];
let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;

beforeAll(async () => {
  gitHub = await listenOnLoopback(
    (request, response) => {
      request.resume();
      answer(request.url!, response);
    },
    { access: 'anyone', name: 'hostile GitHub' },
  );
  other = await listenOnLoopback(
    ({ url, headers }, response) => {
      asked.push(`${url} ${headers.authorization}`);
      response.writeHead(200, JSON_TYPE).end('[]');
    },
    { access: 'anyone', name: 'other host' },
  );
  tables = await openTestTables();
  artifacts = await openTestArtifacts();
});
afterEach(() => {
  asked = [];
});
afterAll(async () => {
  await Promise.all([gitHub?.close(), other?.close(), tables?.close(), artifacts?.close()]);
});

const JSON_TYPE = { 'content-type': 'application/json' };

const settings = () =>
  parseSettings({
    GITHUB_API_URL: `${gitHub.url}/api/v3`,
    GITHUB_TOKEN: 'test-github-token-0123456789',
    GITHUB_THROTTLE: 'false',
  });

/** An organization whose list of repositories is this, with these headers. */
function listing(names: readonly string[], headers: Record<string, string> = {}): void {
  answer = (url, response) => {
    const body = url.endsWith('/repos?per_page=100')
      ? names.map((full_name) => ({ full_name }))
      : { type: 'Organization' };
    response.writeHead(200, { ...JSON_TYPE, ...headers }).end(JSON.stringify(body));
  };
}

async function listed(owner: string): Promise<string[]> {
  return (await readOwner(owner, settings())).found.map(({ repositoryName }) => repositoryName);
}

test('a list whose next page is on another host does not send the token there', async () => {
  listing(['acme/one'], { link: `<${other.url}/api/v3/orgs/acme/repos?page=2>; rel="next"` });
  await expect(listed('acme')).rejects.toMatchObject({
    status: 421,
    message: expect.stringContaining(`refers to ${other.url}`),
  });
  expect(asked).toEqual([]);
});

test('an invalid name in a listing, or one of another owner, does not become a repository of the job', async () => {
  const hostile = [
    'acme/..',
    'acme/../../../up',
    'acme/-x',
    'acme/a b',
    'acme',
    'acme/',
    '',
    'evil/x',
    'acme/a\n',
  ];
  listing([...hostile, 'acme/one', 'Acme/two']);
  expect(await listed('acme')).toEqual(['acme/one', 'Acme/two']);
});

test('an answer that is small only while compressed is not held in memory', async () => {
  // Just above the limit, so that a busy machine unpacks it within the time-out of a call. Made beside the event loop, which
  // would otherwise not notice that a connection it keeps was closed meanwhile.
  const bomb = await promisify(gzip)(Buffer.alloc(40 * 1024 * 1024, ' '));
  answer = (_, response) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(bomb);
  };
  const asking = createOctokit(settings(), 'test-github-token-0123456789').rest.repos.get({
    ...{ owner: 'acme', repo: 'one', request: { retries: 0 } },
  });
  await expect(asking).rejects.toMatchObject({
    status: 502,
    message: expect.stringMatching(/answered with more than \d+ bytes/),
  });
});

test.each([
  ['retry-after', { 'retry-after': '1e300' }],
  ['retry-after of a million years', { 'retry-after': '31557600000000' }],
  ['x-ratelimit-reset', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '32503680000' }],
])('a limit that ends in the far future by %s holds pull requests for a day at most', async (_, headers) => {
  answer = (_url, response) => {
    response.writeHead(403, { ...JSON_TYPE, ...headers }).end('{"message":"You have exceeded a rate limit"}');
  };
  const { jobsTable, repositoriesTable } = tables.settings;
  const storage: Context = {
    ...tables.stores,
    artifacts: artifacts.store,
    now: () => AT,
    settings: { ...settings(), jobsTable, repositoriesTable },
  };
  const [job, repositoryName] = [jobRow(), 'local/limited'];
  const { jobId } = job;
  await storage.jobs.create(job);
  const files = [{ status: 'added', path: 'a.txt', mode: '100644', content: '' }];
  const changeSet = { baseBranch: 'main', baseSha: 'a'.repeat(40), title: 't', body: '', summary: '', files };
  const body = JSON.stringify(changeSet);
  const { changeSet: key } = runArtifactKeys({ jobId, repositoryName, run: 1 });
  await storage.artifacts.write(key, body);
  await storage.repositories.createPending(jobId, [repositoryName], AT);
  await storage.repositories.endUnfinished(jobId, repositoryName, 1, {
    ...{ status: 'completed', outcome: 'changed', completedAt: AT, defaultBranch: 'main' },
    artifacts: { changeSet: key },
    changeSetSha256: createHash('sha256').update(body).digest('hex'),
  });
  const said = await openPullRequest(
    { jobId, run: 1, repositoryName, operation: 'open', patchSha: '', request: '' },
    storage,
  );
  expect(said).toMatchObject({ opened: false });
  expect(Date.parse(said.at) - Date.parse(AT)).toBeLessThanOrEqual(24 * 3600 * 1000 + 1000);
});
