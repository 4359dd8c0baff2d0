import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Octokit } from '@octokit/rest';
import { parseSettings } from '../../../core/settings.ts';
import { bodyOfComment, marked } from '../../../lambdas/github/comments.ts';
import { askFeedback } from '../../../lambdas/github/findings.ts';
import { mayWrite } from '../../../lambdas/github/may-write.ts';
import { createOctokit } from '../../../lambdas/github/octokit.ts';
import { startGitHubProxy } from '../../support/github-proxy.ts';
import {
  newBranch,
  newRepository,
  type Place,
  startTestGitHub,
  type TestGitHub,
} from '../../support/github-server.ts';

const TOKENS = {
  owner: 'ghp_ownerOwnerOwnerOwnerOwnerOwner01',
  triages: 'ghp_readsReads2',
  writes: 'ghp_writesWrites3',
};

let gitHub: TestGitHub;
let owner: Octokit;
let place: Place;

beforeAll(async () => {
  gitHub = await startTestGitHub({
    tokens: [
      { token: TOKENS.owner },
      { token: TOKENS.triages, login: 'triages' },
      { token: TOKENS.writes, login: 'writes' },
    ],
  });
  owner = gitHub.client(TOKENS.owner);
  const { sha, ...rest } = await newRepository(owner, 'one');
  place = rest;
  await newBranch(owner, place, 'change', sha);
  await owner.pulls.create({ ...place, head: 'change', base: 'main', title: 't' });
  await owner.repos.addCollaborator({ ...place, username: 'writes', permission: 'push' });
  await owner.repos.addCollaborator({ ...place, username: 'triages', permission: 'push' });
});
afterAll(() => gitHub?.close());

async function feedback() {
  for await (const [, found] of askFeedback(owner, [{ repositoryName: 'local/one', number: 1 }]))
    return found!;
  throw new Error('There was no answer.');
}

test('only who may write counts, and no comment of this product', async () => {
  const comment = (token: string, body: string) =>
    gitHub.client(token).issues.createComment({ ...place, issue_number: 1, body });
  await comment(TOKENS.triages, 'Write pwned.');
  await comment(TOKENS.writes, 'Say why.');
  await comment(TOKENS.owner, bodyOfComment(marked('Closed.', 'job-1', 'close')));
  // Who comments may lose the right to write.
  await owner.repos.addCollaborator({ ...place, username: 'triages', permission: 'triage' });
  const { comments } = await feedback();
  expect(comments.map(({ author }) => author)).toEqual(['triages', 'writes']);
  const isWriter = mayWrite(owner);
  for (const [login, expected] of [
    ['triages', false],
    ['writes', true],
    ['stranger', false],
    ['Local', true],
  ] as const)
    expect([login, await isWriter('local/one', login)]).toEqual([login, expected]);
});

test('a commit status that fails is a failure, as a check run is', async () => {
  const sha = (await owner.pulls.get({ ...place, pull_number: 1 })).data.head.sha;
  await owner.repos.createCommitStatus({ ...place, sha, state: 'error', context: 'old', description: 'No.' });
  const { failures, checks } = await feedback();
  expect([checks, failures]).toEqual([
    'failing',
    [{ name: 'old', summary: 'No.', annotations: [], log: '' }],
  ]);
});

test('a pull request that GitHub takes too long about does not keep the others from being read', async () => {
  const proxy = await startGitHubProxy(gitHub.url);
  const client = createOctokit(parseSettings({ GITHUB_API_URL: proxy.apiUrl }), TOKENS.owner);
  proxy.decide((_, __, body) => {
    const { variables } = JSON.parse(body) as { variables: Record<string, unknown> };
    if ('name1' in variables) return { status: 502 };
    return variables.number0 === 2 ? { status: 504 } : 'answered';
  });
  const pulls = [2, 1].map((number) => ({ repositoryName: 'local/one', number }));
  const passedOver: number[] = [];
  const read: number[] = [];
  const passOver = async ({ number }: { number: number }) => void passedOver.push(number);
  try {
    for await (const [{ number }] of askFeedback(client, pulls, passOver)) read.push(number);
  } finally {
    await proxy.close();
  }
  expect({ passedOver, read }).toEqual({ passedOver: [2], read: [1] });
});
