import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Publishing } from '../../publishing.ts';

const OWNER = 'ghp_ownerOwnerOwnerOwnerOwnerOwner01';
const READER = 'ghp_readerReaderReaderReaderReader02';
const WRITER = 'github_pat_writerWriterWriterWriter03';

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start(
    {
      given: { GITHUB_WRITE_TOKEN: WRITER, GITHUB_TOKEN: READER, ALLOWED_REPOSITORIES: 'mine/*,theirs/*' },
      gitHubOptions: {
        tokens: [
          { token: OWNER },
          { token: READER, permissions: { contents: 'read' } },
          { token: WRITER, login: 'writer', permissions: { contents: 'write', pull_requests: 'write' } },
        ],
      },
    },
    OWNER,
  );
  const { repos } = publishing.github.rest;
  for (const name of ['mine/a', 'mine/b', 'mine/archived', 'theirs/a', 'theirs/b', 'theirs/c', 'theirs/d']) {
    const [org, repo] = name.split('/') as [string, string];
    await repos.createInOrg({ org, name: repo, auto_init: true } as never);
    if (org === 'mine')
      await repos.addCollaborator({ owner: org, repo, username: 'writer', permission: 'push' });
  }
  await repos.update({ owner: 'mine', repo: 'archived', archived: true });
});
afterAll(() => publishing?.close());

const NAMES = ['mine/a', 'mine/archived', 'mine/b', 'theirs/a', 'theirs/b', 'theirs/c', 'theirs/d'];

/** The worker is /bin/false: what reaches it is lost, and says so. */
async function errorsOf(createPullRequests: boolean) {
  const { json } = await publishing.call('POST', '/jobs', {
    prompt: 'Edit.',
    repositories: NAMES,
    createPullRequests,
  });
  const job = await publishing.ended(json.jobId);
  return job.results.map(({ repositoryName, error, turns, costUsd }) => ({
    ...{ repositoryName, name: error!.name, message: error!.message, turns, costUsd },
  }));
}

test('repositories that are archived, or that the credential may not write to, end before a worker starts; the others are worked on', async () => {
  const errors = await errorsOf(true);
  const free = { turns: 0, costUsd: 0 };
  const forbidden = {
    name: 'GitHubPermissionError',
    message: expect.stringMatching(/contents: write/),
    ...free,
  };
  expect(errors).toMatchObject([
    { repositoryName: 'mine/a', name: 'WorkerLostError' },
    {
      ...{ repositoryName: 'mine/archived', name: 'RepositoryUnavailableError', ...free },
      message: expect.stringMatching(/is archived.*Unarchive it, then retry the job/),
    },
    { repositoryName: 'mine/b', name: 'WorkerLostError' },
    ...['a', 'b', 'c', 'd'].map((name) => ({ repositoryName: `theirs/${name}`, ...forbidden })),
  ]);
});

test('where no pull request is asked for, an archived repository is analysed like any other', async () => {
  expect(new Set((await errorsOf(false)).map(({ name }) => name))).toEqual(new Set(['WorkerLostError']));
});
