import type { Octokit } from '@octokit/rest';
import type { Repository } from './base.ts';

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
};

/** What GitHub says of a pull request, in a list or alone. */
type PullJson = {
  number: number;
  html_url: string;
  state: string;
  draft?: boolean | undefined;
  body: string | null;
  merged_at: string | null;
  labels: readonly { name?: string }[];
  requested_reviewers?: readonly { login: string }[] | null;
  requested_teams?: readonly { slug: string }[] | null;
};

type NewPullRequest = { head: string; base: string; title: string; body: string; draft: boolean };

/**
 * Those of this branch of the repository itself, newest first, whatever became of them. `redirected` says that GitHub
 * knows the repository by another name now.
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
 * Opens it, or takes the one that somebody else (this very step, running twice) opened first. As no draft where GitHub's
 * plan for the repository has none.
 */
export async function openPullRequest(
  github: Octokit,
  repository: Repository,
  request: NewPullRequest,
): Promise<{ pull: PullRequest; warnings: string[] }> {
  try {
    const { data } = await github.rest.pulls.create({ ...repository, ...request });
    return { pull: pullRequestOf(data as PullJson, repository.owner), warnings: [] };
  } catch (error) {
    const said = messageOf(error);
    if (/already exists/i.test(said)) {
      const { pulls } = await findPullRequests(github, repository, request.head);
      const pull = pulls.find(({ state }) => state === 'open');
      if (pull) return { pull, warnings: [] };
    }
    if (request.draft && /draft/i.test(said)) {
      const { pull } = await openPullRequest(github, repository, { ...request, draft: false });
      return { pull, warnings: ['It is no draft: GitHub has none for this repository.'] };
    }
    throw error;
  }
}

/** Only the text below the title: a title that somebody changed stays. */
export async function updateBody(
  github: Octokit,
  { owner, repo }: Repository,
  pull: PullRequest,
  body: string,
): Promise<void> {
  if (sameText(pull.body, body)) return;
  await github.rest.pulls.update({ owner, repo, pull_number: pull.number, body });
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
  };
}

/** GitHub gives a body back with its own line ends. */
function sameText(one: string, other: string): boolean {
  const plain = (text: string) => text.replace(/\r\n/g, '\n').trim();
  return plain(one) === plain(other);
}

/** The message of a 422, with what its `errors` add to it; empty for anything else. */
function messageOf(error: unknown): string {
  const { status, message, response } = error as {
    status?: number;
    message?: string;
    response?: { data?: { errors?: unknown } };
  };
  if (status !== 422) return '';
  return `${message} ${JSON.stringify(response?.data?.errors ?? '')}`;
}
