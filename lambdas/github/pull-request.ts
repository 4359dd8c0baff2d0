import type { Octokit } from '@octokit/rest';
import type { Repository } from './base.ts';
import { commentOnce, type MarkedComment } from './comments.ts';
import { keepTicks } from './fill-template.ts';
import { statusOf } from './status-of.ts';

export type PullRequest = {
  number: number;
  url: string;
  state: 'open' | 'closed' | 'merged';
  draft: boolean;
  body: string;
  labels: string[];
  /** Users as `login`, teams as `organization/team`. */
  reviewers: string[];
  mergedAt?: string;
  closedAt?: string;
};

/** A pull request as GitHub's API returns it, in a list or alone. */
export type PullJson = {
  number: number;
  html_url: string;
  state: string;
  draft?: boolean | undefined;
  body: string | null;
  merged_at: string | null;
  closed_at: string | null;
  labels: readonly { name?: string }[];
  requested_reviewers?: readonly { login: string }[] | null;
  requested_teams?: readonly { slug: string }[] | null;
};

type NewPullRequest = { head: string; base: string; title: string; body: string; draft: boolean };

/**
 * The pull requests of this branch of the repository, open or not, newest first. `redirected` is true if the repository
 * was renamed.
 */
export async function findPullRequests(
  github: Octokit,
  { owner, repo }: Repository,
  branch: string,
): Promise<{ pulls: PullRequest[]; redirected: boolean }> {
  const { data, url } = await github.rest.pulls.list({
    owner,
    repo,
    head: `${owner}:${branch}`,
    state: 'all',
    per_page: 100,
  });
  const asked = `/repos/${owner}/${repo}/`.toLowerCase();
  return {
    pulls: data.map((pull) => pullRequestOf(pull as PullJson, owner)),
    redirected: !new URL(url).pathname.toLowerCase().includes(asked),
  };
}

/**
 * Creates a pull request, or returns the one that another execution of this step created first. Creates no draft if
 * GitHub's plan for the repository does not support them.
 */
export async function createPullRequest(
  github: Octokit,
  repository: Repository,
  request: NewPullRequest,
): Promise<{ pull: PullRequest; warnings: string[] }> {
  try {
    const { data } = await github.rest.pulls.create({ ...repository, ...request });
    return { pull: pullRequestOf(data as PullJson, repository.owner), warnings: [] };
  } catch (error) {
    const message = messageOf(error);
    if (/already exists/i.test(message)) {
      const { pulls } = await findPullRequests(github, repository, request.head);
      const pull = pulls.find(({ state }) => state === 'open');
      if (pull) return { pull, warnings: [] };
    }
    if (request.draft && /draft/i.test(message)) {
      const { pull } = await createPullRequest(github, repository, { ...request, draft: false });
      return {
        pull,
        warnings: ['The pull request is not a draft: GitHub does not support drafts in this repository.'],
      };
    }
    throw error;
  }
}

/** Updates the body only, so that an edited title stays, and the boxes that someone has ticked. */
export async function updateBody(
  github: Octokit,
  { owner, repo }: Repository,
  pull: PullRequest,
  text: string,
): Promise<void> {
  const body = keepTicks(text, pull.body);
  if (sameText(pull.body, body)) return;
  await github.rest.pulls.update({ owner, repo, pull_number: pull.number, body });
}

/**
 * Closes a pull request that is open, with a comment before it, and returns it as it is then. `onOpen` is called before
 * anything is changed. Safe to run again.
 */
export async function closePullRequest(
  github: Octokit,
  repository: Repository,
  number: number,
  { comment, onOpen }: { comment: MarkedComment; onOpen?: () => Promise<void> },
): Promise<PullRequest> {
  const { data } = await github.rest.pulls.get({ ...repository, pull_number: number });
  const found = pullRequestOf(data as PullJson, repository.owner);
  if (found.state !== 'open') return found;
  await onOpen?.();
  await commentOnce(github, repository, number, comment);
  const closed = await github.rest.pulls.update({ ...repository, pull_number: number, state: 'closed' });
  return pullRequestOf(closed.data as PullJson, repository.owner);
}

/**
 * Opens a closed pull request again, with a comment. Returns GitHub's reason if it refuses: it does so if the branch was
 * deleted, or was moved otherwise than by new commits.
 */
export async function reopenPullRequest(
  github: Octokit,
  repository: Repository,
  { number }: Pick<PullRequest, 'number'>,
  comment: MarkedComment,
): Promise<PullRequest | { refusal: string }> {
  try {
    const { data } = await github.rest.pulls.update({ ...repository, pull_number: number, state: 'open' });
    await commentOnce(github, repository, number, comment);
    return pullRequestOf(data as PullJson, repository.owner);
  } catch (error) {
    if (statusOf(error) !== 422) throw error;
    return { refusal: (error as Error).message };
  }
}

export function endOf({ state, mergedAt }: PullRequest): Pick<PullRequest, 'state' | 'mergedAt'> {
  return { state, ...(mergedAt && { mergedAt }) };
}

export function pullRequestOf(pull: PullJson, owner: string): PullRequest {
  return {
    number: pull.number,
    url: pull.html_url,
    state: pull.merged_at ? 'merged' : pull.state === 'closed' ? 'closed' : 'open',
    draft: pull.draft ?? false,
    body: pull.body ?? '',
    labels: pull.labels.flatMap(({ name }) => name ?? []),
    reviewers: [
      ...(pull.requested_reviewers ?? []).map(({ login }) => login),
      ...(pull.requested_teams ?? []).map(({ slug }) => `${owner}/${slug}`),
    ],
    ...(pull.merged_at && { mergedAt: pull.merged_at }),
    ...(pull.closed_at && { closedAt: pull.closed_at }),
  };
}

/** GitHub changes the line ends of a body. */
function sameText(one: string, other: string): boolean {
  const plain = (text: string) => text.replace(/\r\n/g, '\n').trim();
  return plain(one) === plain(other);
}

/** The message and the `errors` of a 422; empty for any other error. */
function messageOf(error: unknown): string {
  if (statusOf(error) !== 422) return '';
  const { message, response } = error as { message?: string; response?: { data?: { errors?: unknown } } };
  return `${message} ${JSON.stringify(response?.data?.errors ?? '')}`;
}
