import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { schema } from '@octokit/graphql-schema';
import { buildSchema, isObjectType, parse, printType, validate } from 'graphql';
import { feedbackQuery } from '../../../lambdas/github/findings.ts';
import {
  askPullRequests,
  askRepositories,
  pullRequestsQuery,
  repositoriesQuery,
} from '../../../lambdas/github/graphql.ts';
import { ENABLE_AUTO_MERGE } from '../../../lambdas/github/merge.ts';
import { SCHEMA } from '../../../local/github/graphql/graphql-schema.ts';
import {
  newBranch,
  newRepository,
  refusalOf,
  startTestGitHub,
  type TestGitHub,
} from '../../support/github-server.ts';

const OWNER = 'ghp_ownerOwnerOwnerOwnerOwnerOwner01';
const NO_PULLS = 'github_pat_noPullsNoPullsNoPullsNoPulls02';

let gitHub: TestGitHub;
beforeAll(async () => {
  gitHub = await startTestGitHub({
    tokens: [{ token: OWNER }, { token: NO_PULLS, permissions: { contents: 'read' } }],
    disabled: ['local/closed'],
  });
});
afterAll(() => gitHub?.close());

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}

test('the product’s GraphQL queries are valid by GitHub’s schema, for one repository and for a hundred', () => {
  const theirs = buildSchema(schema.idl, { assumeValid: true });
  for (const query of [repositoriesQuery, pullRequestsQuery, feedbackQuery])
    for (const count of [1, 100]) expect(validate(theirs, parse(query(count)))).toEqual([]);
  expect(validate(theirs, parse(ENABLE_AUTO_MERGE))).toEqual([]);
});

test('the local GitHub’s schema agrees with GitHub’s in every field', () => {
  const theirs = buildSchema(schema.idl, { assumeValid: true });
  const ours = buildSchema(SCHEMA);
  for (const type of Object.values(ours.getTypeMap()).filter(({ name }) => !name.startsWith('__'))) {
    const other = theirs.getType(type.name);
    expect([type.name, other?.constructor.name]).toEqual([type.name, type.constructor.name]);
    if (!isObjectType(type) || !isObjectType(other)) continue;
    for (const field of Object.values(type.getFields())) {
      const known = other.getFields()[field.name];
      const shape = ({ type: of, args }: typeof field) => [
        ...[String(of), ...args.map(({ name, type: taken }) => `${name}: ${String(taken)}`).sort()],
      ];
      expect([field.name, known && shape(known)]).toEqual([field.name, shape(field)]);
    }
  }
  expect(printType(ours.getType('StatusState')!).match(/[A-Z]+/g)).toEqual(
    expect.arrayContaining(['ERROR', 'EXPECTED', 'FAILURE', 'PENDING', 'SUCCESS']),
  );
});

test('one call recognizes repositories that are archived, disabled, empty, renamed or unknown', async () => {
  const octokit = gitHub.client(OWNER);
  await newRepository(octokit, 'plain');
  const archived = await newRepository(octokit, 'archived');
  await octokit.repos.update({ ...archived, archived: true });
  await octokit.repos.createForAuthenticatedUser({ name: 'closed', auto_init: true });
  await octokit.repos.createForAuthenticatedUser({ name: 'empty' });
  const before = await newRepository(octokit, 'before');
  await octokit.repos.update({ ...before, name: 'after' });
  const names = ['plain', 'archived', 'closed', 'empty', 'before', 'none'].map((name) => `local/${name}`);
  const main = { name: 'main' };
  expect(Object.fromEntries(await collect(askRepositories(octokit, names)))).toEqual({
    'local/plain': {
      nameWithOwner: 'local/plain',
      isArchived: false,
      isDisabled: false,
      defaultBranchRef: main,
    },
    'local/archived': {
      nameWithOwner: 'local/archived',
      isArchived: true,
      isDisabled: false,
      defaultBranchRef: main,
    },
    'local/closed': {
      nameWithOwner: 'local/closed',
      isArchived: false,
      isDisabled: true,
      defaultBranchRef: main,
    },
    'local/empty': {
      nameWithOwner: 'local/empty',
      isArchived: false,
      isDisabled: false,
      defaultBranchRef: null,
    },
    'local/before': {
      nameWithOwner: 'local/after',
      isArchived: false,
      isDisabled: false,
      defaultBranchRef: main,
    },
    'local/none': undefined,
  });
});

test('a pull request that a credential may not see does not hide the others', async () => {
  const octokit = gitHub.client(OWNER);
  const open = async (repo: string, about: object) => {
    const { sha, ...place } = await newRepository(octokit, repo, about);
    await newBranch(octokit, place, 'change', sha);
    await octokit.pulls.create({ ...place, head: 'change', base: 'main', title: 't' });
    return { repositoryName: `local/${repo}`, number: 1 };
  };
  const [seen, hidden] = [await open('public', {}), await open('private', { private: true })];
  const asked = [hidden, seen, { ...seen, number: 7 }];
  const answers = await collect(askPullRequests(gitHub.client(NO_PULLS), asked));
  expect(answers.map(([, answer]) => answer?.pullRequest?.state)).toEqual([undefined, 'OPEN', undefined]);
  const all = await collect(askPullRequests(octokit, asked));
  expect(all.map(([, answer]) => answer?.pullRequest?.state)).toEqual(['OPEN', 'OPEN', undefined]);
});

test('an unsupported GraphQL operation is refused instead of guessed', async () => {
  const octokit = gitHub.client(OWNER);
  const other = await refusalOf(octokit.graphql('query Viewer { viewer { login } }'));
  expect(other).toMatchObject({ status: 501, message: expect.stringContaining('Viewer') });
  await expect(octokit.graphql('query Repositories { viewer { login } }')).rejects.toThrow(/viewer/);
  expect(await refusalOf(gitHub.client().graphql('query Repositories { a }'))).toMatchObject({ status: 401 });
});
