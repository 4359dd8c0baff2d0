import { accountJson, LOCAL_USER } from './accounts.ts';
import type { GitHub, RepositoryCall } from './api.ts';
import { changedFiles, diffText, type FileChange } from './changes.ts';
import { countCommits, mergeBase, mergedTree } from './history.ts';
import type { PullRecord } from './pull-requests.ts';
import { apiUrlOf, htmlUrlOf, repositoryJson } from './repositories.ts';
import type { Repository } from './repository.ts';

async function pullSide(
  github: GitHub,
  repository: Repository,
  { ref, sha }: PullRecord['head'],
): Promise<object> {
  const { owner } = repository.record;
  const user = accountJson(github, owner);
  return { label: `${owner}:${ref}`, ref, sha, user, repo: await repositoryJson(github, repository) };
}

/** What GitHub shows of a pull request in a list. */
export async function pullJson(
  github: GitHub,
  repository: Repository,
  pull: PullRecord,
): Promise<Record<string, unknown>> {
  const url = apiUrlOf(github, repository);
  const htmlUrl = `${htmlUrlOf(github, repository)}/pull/${pull.number}`;
  return {
    // Numbers are per repository and ids are not.
    id: repository.record.id * 1_000_000 + pull.number,
    number: pull.number,
    url: `${url}/pulls/${pull.number}`,
    html_url: htmlUrl,
    diff_url: `${htmlUrl}.diff`,
    issue_url: `${url}/issues/${pull.number}`,
    state: pull.state,
    locked: false,
    title: pull.title,
    body: pull.body,
    user: accountJson(github, LOCAL_USER),
    draft: pull.draft,
    labels: pull.labels.map((name) => ({ name })),
    assignees: [],
    requested_reviewers: pull.reviewers.map((login) => ({ login })),
    requested_teams: pull.teamReviewers.map((slug) => ({ slug })),
    head: await pullSide(github, repository, pull.head),
    base: await pullSide(github, repository, pull.base),
    merge_commit_sha: pull.mergeCommitSha,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    merged_at: pull.mergedAt,
  };
}

/** From the commit that both sides share, so that what happened on the base since is not part of it. */
const startOf = async (repository: Repository, { base, head }: PullRecord): Promise<string> =>
  (await mergeBase(repository, base.sha, head.sha)) ?? base.sha;

export async function pullFiles(repository: Repository, pull: PullRecord): Promise<FileChange[]> {
  return changedFiles(repository, await startOf(repository, pull), pull.head.sha);
}

export async function pullDiff(repository: Repository, pull: PullRecord): Promise<Buffer> {
  return diffText(repository, await startOf(repository, pull), pull.head.sha);
}

/** What GitHub shows of one pull request: the list's fields and what git has to work out. */
export async function wholePullJson(
  { github, repository }: RepositoryCall,
  pull: PullRecord,
): Promise<Record<string, unknown>> {
  const { base, head } = pull;
  const files = await pullFiles(repository, pull);
  const sum = (field: 'additions' | 'deletions'): number =>
    files.reduce((total, file) => total + file[field], 0);
  const mergeable =
    pull.state === 'open' ? (await mergedTree(repository, base.sha, head.sha)) !== undefined : null;
  return {
    ...(await pullJson(github, repository, pull)),
    merged: pull.mergedAt !== null,
    mergeable,
    mergeable_state: mergeable === null ? 'unknown' : mergeable ? 'clean' : 'dirty',
    maintainer_can_modify: false,
    comments: 0,
    review_comments: 0,
    commits: await countCommits(repository, base.sha, head.sha),
    additions: sum('additions'),
    deletions: sum('deletions'),
    changed_files: files.length,
  };
}
