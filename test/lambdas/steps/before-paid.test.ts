import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Publishing } from '../../support/publishing.ts';

const OWNER = 'ghp_ownerOwnerOwnerOwnerOwnerOwner01';
const READER = 'ghp_readerReaderReaderReaderReader02';
const WRITER = 'github_pat_writerWriterWriterWriter03';

const OPEN = ['a', 'archived', 'b'];
const FORBIDDEN = ['c', 'd', 'e', 'f'];

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start(
    {
      given: { GITHUB_WRITE_TOKEN: WRITER, GITHUB_TOKEN: READER },
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
  for (const name of [...OPEN, ...FORBIDDEN]) {
    await repos.createForAuthenticatedUser({ name, auto_init: true });
    if (OPEN.includes(name))
      await repos.addCollaborator({ owner: 'local', repo: name, username: 'writer', permission: 'push' });
  }
  await repos.update({ owner: 'local', repo: 'archived', archived: true });
});
afterAll(() => publishing?.close());

/** The worker is /bin/false: what reaches it is lost, and says so. */
async function errorsOf(names: readonly string[], createPullRequests: boolean) {
  const repositories = names.map((name) => `local/${name}`);
  const { json } = await publishing.call('POST', '/jobs', {
    prompt: 'Edit.',
    repositories,
    createPullRequests,
  });
  const job = await publishing.ended(json.jobId);
  return job.results.map(({ repositoryName, error, turns, costUsd }) => ({
    ...{ repositoryName, name: error!.name, message: error!.message, turns, costUsd },
  }));
}

const FREE = { turns: 0, costUsd: 0 };

test('an archived repository fails before a worker starts, with the cause; the others are analysed', async () => {
  expect(await errorsOf(OPEN, true)).toMatchObject([
    { repositoryName: 'local/a', name: 'WorkerLostError' },
    {
      ...{ repositoryName: 'local/archived', name: 'RepositoryUnavailableError', ...FREE },
      message: expect.stringMatching(/is archived.*Unarchive it, then retry the job/),
    },
    { repositoryName: 'local/b', name: 'WorkerLostError' },
  ]);
});

test('repositories that the credential may not write to fail before a worker starts, with the missing permission', async () => {
  const lacking = {
    name: 'GitHubPermissionError',
    message: expect.stringMatching(/contents: write/),
    ...FREE,
  };
  expect(await errorsOf(FORBIDDEN, true)).toMatchObject(FORBIDDEN.map(() => lacking));
});

test('without pull requests, such repositories are analysed like any other', async () => {
  const errors = await errorsOf(['archived', 'c'], false);
  expect(errors.map(({ name }) => name)).toEqual(['WorkerLostError', 'WorkerLostError']);
});
