import type { Octokit } from '@octokit/rest';
import { parseRepositoryName } from '../../core/job.ts';

/** GitHub looks each item up separately, and a call times out after 10 s. */
const ITEMS_PER_CALL = 100;

export type RepositoryAnswer = {
  /** Its present name, if it was asked for by a former one. */
  nameWithOwner: string;
  isArchived: boolean;
  isDisabled: boolean;
  /** Null if the repository is empty. */
  defaultBranchRef: { name: string } | null;
};

export type PullRequestAnswer = {
  state: 'OPEN' | 'CLOSED' | 'MERGED';
  isDraft: boolean;
  mergedAt: string | null;
  headRefOid: string;
  autoMergeRequest: { mergeMethod: 'MERGE' | 'REBASE' | 'SQUASH' } | null;
  commits: {
    nodes: ({ commit: { statusCheckRollup: Rollup | null } } | null)[] | null;
  };
  comments: { nodes: ({ createdAt: string } | null)[] | null };
  reviews: { nodes: ({ submittedAt: string | null } | null)[] | null };
};

type Rollup = { state: RollupState; contexts: { nodes: (CheckContext | null)[] | null } };

/** A check run, or a commit status. */
export type CheckContext =
  | { __typename: 'CheckRun'; name: string; conclusion: string | null }
  | { __typename: 'StatusContext'; context: string; state: RollupState };

export type RollupState = 'ERROR' | 'EXPECTED' | 'FAILURE' | 'PENDING' | 'SUCCESS';

/** `pullRequest` is null if the credential may not see it. */
export type Seen = { nameWithOwner: string; pullRequest: PullRequestAnswer | null };

/** One alias for each repository, because GitHub has no query by a list of names. */
export function repositoriesQuery(count: number): string {
  const all = Array.from({ length: count }, (_, i) => i);
  return [
    `query Repositories(${all.map((i) => `$owner${i}: String!, $name${i}: String!`).join(', ')}) {`,
    ...all.map((i) => `  at${i}: repository(owner: $owner${i}, name: $name${i}) { ...About }`),
    '}',
    'fragment About on Repository { nameWithOwner isArchived isDisabled defaultBranchRef { name } }',
  ].join('\n');
}

/** The rollup combines check runs and commit statuses. */
export function pullRequestsQuery(count: number): string {
  const all = Array.from({ length: count }, (_, i) => i);
  const variables = all.map((i) => `$owner${i}: String!, $name${i}: String!, $number${i}: Int!`);
  return [
    `query PullRequests(${variables.join(', ')}) {`,
    ...all.map(
      (i) =>
        `  at${i}: repository(owner: $owner${i}, name: $name${i}) { nameWithOwner pullRequest(number: $number${i}) { ...State } }`,
    ),
    '}',
    'fragment State on PullRequest {',
    '  state isDraft mergedAt headRefOid autoMergeRequest { mergeMethod }',
    '  commits(last: 1) { nodes { commit { statusCheckRollup { state contexts(first: 50) { nodes {',
    '    __typename ... on CheckRun { name conclusion } ... on StatusContext { context state }',
    '  } } } } } }',
    '  comments(last: 1) { nodes { createdAt } }',
    '  reviews(last: 1) { nodes { submittedAt } }',
    '}',
  ].join('\n');
}

/** Yields each repository's data, in order; undefined for one that the credential cannot see. */
export async function* askRepositories<T extends string>(
  github: Octokit,
  names: readonly T[],
): AsyncGenerator<[T, RepositoryAnswer | undefined]> {
  yield* askAll<T, RepositoryAnswer>(github, names, repositoriesQuery, variablesOf);
}

/** Yields each pull request's data, in order; undefined if the credential cannot see its repository. */
export async function* askPullRequests<T extends { repositoryName: string; number: number }>(
  github: Octokit,
  pulls: readonly T[],
  onUnanswered?: OnUnanswered<T>,
): AsyncGenerator<[T, Seen | undefined]> {
  const variables = ({ repositoryName, number }: T, i: number) => ({
    ...variablesOf(repositoryName, i),
    [`number${i}`]: number,
  });
  yield* askAll<T, Seen>(github, pulls, pullRequestsQuery, variables, { onUnanswered });
}

export function variablesOf(repositoryName: string, i: number): Record<string, string | number> {
  const { owner, name } = parseRepositoryName(repositoryName);
  return { [`owner${i}`]: owner, [`name${i}`]: name };
}

/** Called for an item that GitHub could not answer even when it was asked for alone. */
export type OnUnanswered<T> = (item: T, error: unknown) => Promise<void>;

/**
 * Yields the answer about each item, in order. `query` has an alias `at{i}` for each, and `variables` are those of one. If
 * GitHub takes too long, fewer items are asked for at once. An item that takes too long even alone is left out and given to
 * `onUnanswered`; without that, it throws.
 */
export async function* askAll<T, Answer>(
  github: Octokit,
  items: readonly T[],
  query: (count: number) => string,
  variables: (item: T, i: number) => Record<string, string | number>,
  { perCall = ITEMS_PER_CALL, onUnanswered }: { perCall?: number; onUnanswered?: OnUnanswered<T> } = {},
): AsyncGenerator<[T, Answer | undefined]> {
  let at = 0;
  while (at < items.length) {
    const some = items.slice(at, at + perCall);
    let answers: Record<string, Answer | null>;
    try {
      answers = await ask<Answer>(github, query(some.length), {
        ...Object.assign({}, ...some.map(variables)),
        // Asking for fewer is the better way to repeat it, or the caller's next look.
        ...((some.length > 1 || onUnanswered) && { request: { retries: 0 } }),
      });
    } catch (error) {
      if (!isTooMuch(error as GraphQLFault)) throw error;
      if (some.length > 1) {
        perCall = Math.ceil(some.length / 2);
        continue;
      }
      if (!onUnanswered) throw error;
      await onUnanswered(some[0]!, error);
      at += 1;
      continue;
    }
    for (const [i, item] of some.entries()) yield [item, answers[`at${i}`] ?? undefined];
    at += some.length;
  }
}

type GraphQLFault = Error & {
  status?: number;
  data?: Record<string, unknown> | null;
  errors?: { type?: string; message: string }[];
  headers?: Record<string, string>;
};

/** A partial answer is returned: items that the credential may not see are null in it. */
async function ask<Answer>(
  github: Octokit,
  query: string,
  variables: Record<string, unknown>,
): Promise<Record<string, Answer | null>> {
  try {
    return await github.graphql(query, variables);
  } catch (error) {
    const { name, data, errors = [], headers, message } = error as GraphQLFault;
    if (name !== 'GraphqlResponseError') throw error;
    // GraphQL reports the rate limit with status 200; callers expect 429.
    if (errors.some(({ type }) => type === 'RATE_LIMITED'))
      throw Object.assign(new Error(message, { cause: error }), { status: 429, response: { headers } });
    if (isTooMuch(error as GraphQLFault)) throw error;
    if (!data) throw error;
    return data as Record<string, Answer | null>;
  }
}

/** Whether GitHub gave up on the query, or on a part of it, because it took longer than 10 s or too many resources. */
function isTooMuch({ status, message, errors = [] }: GraphQLFault): boolean {
  // The retry plugin makes an error with status 500 of the second, which comes with status 200.
  return (
    status === 502 ||
    status === 504 ||
    [message, ...errors.map((error) => error.message)].some((text) =>
      /something went wrong while executing your query/i.test(text),
    ) ||
    errors.some(({ type }) => type === 'RESOURCE_LIMITS_EXCEEDED')
  );
}
