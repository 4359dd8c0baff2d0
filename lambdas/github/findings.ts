import type { Octokit } from '@octokit/rest';
import type { FailedCheck, ReviewComment } from '../../core/repair.ts';
import type { ChecksState } from '../../core/repository-result.ts';
import { isByUs } from './comments.ts';
import { askAll, type OnUnanswered, type RollupState, variablesOf } from './graphql.ts';

/** Fewer than of other queries, since a check may have 64 KiB of text. */
const PULLS_PER_CALL = 20;
const MAX_CHECKS = 10;
const MAX_NAME = 200;
const MAX_SUMMARY = 4000;
const MAX_MESSAGE = 500;
const MAX_BODY = 4000;

type Author = { __typename: string; login: string } | null;
type Contexts = { nodes: (CheckRun | StatusContext | null)[] | null };
type Rollup = { state: RollupState; contexts: Contexts } | null;

type CheckRun = {
  __typename: 'CheckRun';
  name: string;
  status: string;
  conclusion: string | null;
  title: string | null;
  summary: string | null;
  text: string | null;
  detailsUrl: string | null;
  annotations: { nodes: (Annotation | null)[] | null } | null;
};
type Annotation = { path: string; message: string; location: { start: { line: number } } };
type StatusContext = {
  __typename: 'StatusContext';
  context: string;
  state: RollupState;
  description: string | null;
};
type Comment = { author: Author; body: string; createdAt: string };
type Review = {
  author: Author;
  body: string;
  submittedAt: string | null;
  comments: { nodes: ({ path: string; line: number | null; body: string } | null)[] | null };
};

type PullRequestAnswer = {
  state: 'OPEN' | 'CLOSED' | 'MERGED';
  headRefOid: string;
  baseRef: { target: { statusCheckRollup?: { state: RollupState } | null } } | null;
  commits: { nodes: ({ commit: { statusCheckRollup: Rollup } } | null)[] | null };
  comments: { nodes: (Comment | null)[] | null };
  reviews: { nodes: (Review | null)[] | null };
};

/** A check that failed, and the job of GitHub Actions that has its log, if there is one. */
export type Failure = FailedCheck & { job?: number };

/** What a pull request's checks and readers say. */
export type Feedback = {
  isOpen: boolean;
  headSha: string;
  /** `pending` while any check runs: the others may fail too. */
  checks: ChecksState;
  /** Whether the checks of its base branch fail. */
  baseFails: boolean;
  baseHasChecks: boolean;
  failures: Failure[];
  /** Oldest first, without those of this product and of bots. Their authors may be anybody. */
  comments: ReviewComment[];
};

/** The query of the checks and comments of this many pull requests. */
export function feedbackQuery(count: number): string {
  const all = Array.from({ length: count }, (_, i) => i);
  const variables = all.map((i) => `$owner${i}: String!, $name${i}: String!, $number${i}: Int!`);
  return [
    `query Feedback(${variables.join(', ')}) {`,
    ...all.map(
      (i) =>
        `  at${i}: repository(owner: $owner${i}, name: $name${i}) { pullRequest(number: $number${i}) { ...Feedback } }`,
    ),
    '}',
    'fragment Feedback on PullRequest {',
    '  state headRefOid',
    '  baseRef { target { ... on Commit { statusCheckRollup { state } } } }',
    '  commits(last: 1) { nodes { commit { statusCheckRollup { state contexts(first: 100) { nodes {',
    '    __typename',
    '    ... on CheckRun {',
    '      name status conclusion title summary text detailsUrl',
    '      annotations(first: 20) { nodes { path message location { start { line } } } }',
    '    }',
    '    ... on StatusContext { context state description }',
    '  } } } } } }',
    '  comments(last: 20) { nodes { author { __typename login } body createdAt } }',
    '  reviews(last: 20) { nodes {',
    '    author { __typename login } body submittedAt comments(first: 20) { nodes { path line body } }',
    '  } }',
    '}',
  ].join('\n');
}

/**
 * Yields what the checks and readers of each pull request say; undefined if the credential cannot see it. One that GitHub
 * cannot answer about, even alone, goes to `onUnanswered`, or is thrown.
 */
export async function* askFeedback<T extends { repositoryName: string; number: number }>(
  github: Octokit,
  pulls: readonly T[],
  onUnanswered?: OnUnanswered<T>,
): AsyncGenerator<[T, Feedback | undefined]> {
  const answers = askAll<T, { pullRequest: PullRequestAnswer | null }>(
    github,
    pulls,
    feedbackQuery,
    ({ repositoryName, number }, i) => ({ ...variablesOf(repositoryName, i), [`number${i}`]: number }),
    { perCall: PULLS_PER_CALL, onUnanswered },
  );
  for await (const [pull, answer] of answers)
    yield [pull, answer?.pullRequest ? feedbackOf(answer.pullRequest) : undefined];
}

function feedbackOf(pull: PullRequestAnswer): Feedback {
  const rollup = pull.commits.nodes?.[0]?.commit.statusCheckRollup;
  const baseState = pull.baseRef?.target.statusCheckRollup?.state;
  const known = (rollup?.contexts.nodes ?? []).flatMap((one) => (one ? [one] : []));
  const failures = known.flatMap(failureOf).slice(0, MAX_CHECKS);
  return {
    isOpen: pull.state === 'OPEN',
    headSha: pull.headRefOid,
    checks: stateOf(rollup, known),
    baseFails: FAILED_STATES.has(baseState ?? ''),
    baseHasChecks: baseState !== undefined,
    failures,
    comments: commentsOf(pull),
  };
}

function stateOf(rollup: Rollup | undefined, known: readonly (CheckRun | StatusContext)[]): ChecksState {
  if (!rollup) return 'none';
  if (known.some(isPending) || rollup.state === 'PENDING' || rollup.state === 'EXPECTED') return 'pending';
  return FAILED_STATES.has(rollup.state) ? 'failing' : 'passing';
}

export const FAILED_STATES: ReadonlySet<string> = new Set(['FAILURE', 'ERROR']);
/** Those that GitHub's rollup counts as failed, without those that only a person can mend. */
export const FAILED_CONCLUSIONS: ReadonlySet<string> = new Set(['FAILURE', 'TIMED_OUT', 'STARTUP_FAILURE']);

function isPending(one: CheckRun | StatusContext): boolean {
  if (one.__typename === 'CheckRun') return one.status !== 'COMPLETED';
  return one.state === 'PENDING' || one.state === 'EXPECTED';
}

function failureOf(one: CheckRun | StatusContext): Failure[] {
  if (one.__typename === 'StatusContext') {
    if (!FAILED_STATES.has(one.state)) return [];
    const { context: name, description } = one;
    return [
      { name: cut(name, MAX_NAME), summary: cut(description ?? '', MAX_SUMMARY), annotations: [], log: '' },
    ];
  }
  if (!FAILED_CONCLUSIONS.has(one.conclusion ?? '')) return [];
  const { name, title, summary, text, annotations, detailsUrl } = one;
  const said = [title, summary].filter(Boolean).join('\n');
  const [, job] = /\/actions\/runs\/\d+\/job\/(\d+)/.exec(detailsUrl ?? '') ?? [];
  return [
    {
      name: cut(name, MAX_NAME),
      summary: cut(said, MAX_SUMMARY),
      annotations: (annotations?.nodes ?? []).flatMap((note) =>
        note
          ? [
              {
                path: cut(note.path, MAX_NAME),
                line: note.location.start.line,
                message: cut(note.message, MAX_MESSAGE),
              },
            ]
          : [],
      ),
      log: end(text ?? '', MAX_SUMMARY),
      ...(job !== undefined && { job: Number(job) }),
    },
  ];
}

function commentsOf({ comments, reviews }: PullRequestAnswer): ReviewComment[] {
  const found: ReviewComment[] = [];
  const add = (author: Author, at: string | null, body: string, path = '', line = 0) => {
    if (!author || author.__typename === 'Bot' || !at || body.trim() === '' || isByUs(body)) return;
    found.push({ author: author.login, at, path: cut(path, MAX_NAME), line, body: cut(body, MAX_BODY) });
  };
  for (const comment of comments.nodes ?? [])
    if (comment) add(comment.author, comment.createdAt, comment.body);
  for (const review of reviews.nodes ?? []) {
    if (!review) continue;
    const { author, submittedAt } = review;
    add(author, submittedAt, review.body);
    for (const one of review.comments.nodes ?? [])
      if (one) add(author, submittedAt, one.body, one.path, one.line ?? 0);
  }
  return found.sort((one, other) => one.at.localeCompare(other.at));
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)} …`;
}

/** The end of a text, where a log says what failed. */
export function end(text: string, limit: number): string {
  return text.length <= limit ? text : `… ${text.slice(-limit)}`;
}
