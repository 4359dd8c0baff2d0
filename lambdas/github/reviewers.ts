import type { Octokit } from '@octokit/rest';
import type { ChangeSet } from '../../core/change-set.ts';
import type { PullRequestSettings } from '../../core/job.ts';
import type { Base, Repository } from './base.ts';
import { CODEOWNERS_FILES, ownersOf } from './codeowners.ts';
import { statusOf } from './status-of.ts';

/** GitHub's limit per pull request. */
const MAX_REVIEWERS = 15;

/** The labels and reviewers that a pull request already has. */
export type Marks = { number: number; labels: readonly string[]; reviewers: readonly string[] };

/**
 * Adds the labels and requests the reviewers that the job wants and the pull request lacks. Those that GitHub refuses are
 * returned as warnings, because the pull request itself is open.
 */
export async function markPullRequest(
  github: Octokit,
  repository: Repository,
  pull: Marks,
  wanted: PullRequestSettings | undefined,
  { base, changeSet }: { base: Base; changeSet: ChangeSet },
): Promise<string[]> {
  const labels = (wanted?.labels ?? []).filter((label) => !pull.labels.includes(label));
  const owners = wanted?.codeowners ? await codeOwnersOf(github, repository, base, changeSet) : [];
  const all = [...new Set([...(wanted?.reviewers ?? []), ...owners])].slice(0, MAX_REVIEWERS);
  const asked = new Set(pull.reviewers.map((name) => name.toLowerCase()));
  const reviewers = all.filter((name) => !asked.has(name.toLowerCase()));
  return [
    ...(await addLabels(github, repository, pull.number, labels)),
    ...(await askReviewers(github, repository, pull.number, reviewers)),
  ];
}

/**
 * Asks the wanted reviewers, and those who have reviewed already, for a review of what the pull request shows now. Returns
 * the refusals.
 */
export async function requestReviews(
  github: Octokit,
  repository: Repository,
  pull: Pick<Marks, 'number' | 'reviewers'> & { author: string },
  wanted: readonly string[],
): Promise<string[]> {
  const { data } = await github.rest.pulls.listReviews({
    ...{ ...repository, pull_number: pull.number, per_page: 100 },
  });
  const reviewed = data.flatMap(({ user }) => (user && user.type !== 'Bot' ? [user.login] : []));
  const asked = new Set([...pull.reviewers, pull.author].map((name) => name.toLowerCase()));
  const all = [...new Set([...wanted, ...reviewed])].filter((name) => !asked.has(name.toLowerCase()));
  return askReviewers(github, repository, pull.number, all.slice(0, MAX_REVIEWERS));
}

async function addLabels(
  github: Octokit,
  { owner, repo }: Repository,
  number: number,
  labels: string[],
): Promise<string[]> {
  if (labels.length === 0) return [];
  try {
    await github.rest.issues.addLabels({ owner, repo, issue_number: number, labels });
    return [];
  } catch (error) {
    return [warningOf(`The labels ${labels.join(', ')} were not added`, error)];
  }
}

/** Requests all in one call, and one by one if GitHub refuses that: a single invalid name fails the whole call. */
async function askReviewers(
  github: Octokit,
  { owner, repo }: Repository,
  number: number,
  names: readonly string[],
): Promise<string[]> {
  if (names.length === 0) return [];
  const isTeam = (name: string) => name.includes('/');
  try {
    await github.rest.pulls.requestReviewers({
      owner,
      repo,
      pull_number: number,
      reviewers: names.filter((name) => !isTeam(name)),
      team_reviewers: names.filter(isTeam).map((name) => name.slice(name.indexOf('/') + 1)),
    });
    return [];
  } catch (error) {
    if (names.length === 1) return [warningOf(`${names[0]} was not asked for a review`, error)];
    if (!isRefused(error)) throw error;
    const warnings: string[] = [];
    for (const name of names) warnings.push(...(await askReviewers(github, { owner, repo }, number, [name])));
    return warnings;
  }
}

/** The owners of the changed files by the base branch's CODEOWNERS. */
async function codeOwnersOf(
  github: Octokit,
  { owner, repo }: Repository,
  base: Base,
  { files }: ChangeSet,
): Promise<string[]> {
  for (const path of CODEOWNERS_FILES) {
    try {
      const { data } = await github.rest.repos.getContent({ owner, repo, path, ref: base.branch });
      if (Array.isArray(data) || data.type !== 'file') continue;
      const text = Buffer.from(data.content, 'base64').toString('utf8');
      return ownersOf(
        text,
        files.map((file) => file.path),
      );
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
  }
  return [];
}

/** Throws `error` unless GitHub refused this request as invalid: a rate limit or a fault of GitHub's may be retried. */
function warningOf(what: string, error: unknown): string {
  if (!isRefused(error)) throw error;
  return `${what}: ${(error as Error).message.slice(0, 300)}`;
}

function isRefused(error: unknown): boolean {
  const status = statusOf(error);
  return status === 422 || status === 404;
}
