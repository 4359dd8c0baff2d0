import { accountJson, nodeId, ownerJson } from '../accounts/accounts.ts';
import { changedFiles, diffText, type FileChange } from '../objects/changes.ts';
import { countCommits, mergeBase, mergedTree } from '../objects/history.ts';
import type { Repository } from '../repositories/repository.ts';
import { repositoryJson } from '../repositories/repository-json.ts';
import type { RepositoryCall } from '../rest/call.ts';
import { roleOf } from '../strict/access.ts';
import { requestedTeams } from '../strict/teams.ts';
import { labelsOf } from './label-json.ts';
import type { PullRecord } from './pull-requests.ts';

async function pullSide(call: RepositoryCall, { ref, sha }: PullRecord['head']): Promise<object> {
  const { owner } = call.repository.record;
  const user = ownerJson(call.github, owner);
  return { label: `${owner}:${ref}`, ref, sha, user, repo: await repositoryJson(call, call.repository) };
}

export function associationOf(repository: Repository, author: string): string {
  if (author.toLowerCase() === repository.record.owner.toLowerCase()) return 'OWNER';
  return roleOf(repository, author) === 'pull' ? 'CONTRIBUTOR' : 'COLLABORATOR';
}

function linksOf(call: RepositoryCall, { number, head }: PullRecord): Record<string, string> {
  const url = `${call.url}/pulls/${number}`;
  const issue = `${call.url}/issues/${number}`;
  return {
    url,
    html_url: `${call.htmlUrl}/pull/${number}`,
    issue_url: issue,
    comments_url: `${issue}/comments`,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${call.url}/pulls/comments{/number}`,
    statuses_url: `${call.url}/statuses/${head.sha}`,
  };
}

const hypertext = (links: Record<string, string>): object =>
  Object.fromEntries(
    Object.entries({
      self: links.url,
      html: links.html_url,
      issue: links.issue_url,
      comments: links.comments_url,
      commits: links.commits_url,
      review_comments: links.review_comments_url,
      review_comment: links.review_comment_url,
      statuses: links.statuses_url,
    }).map(([relation, href]) => [relation, { href }]),
  );

/** The form of a pull request in a list. */
export async function pullJson(call: RepositoryCall, pull: PullRecord): Promise<Record<string, unknown>> {
  const { github, repository, url } = call;
  const links = linksOf(call, pull);
  // Ids are unique across repositories, numbers are not.
  const id = repository.record.id * 1_000_000 + pull.number;
  return {
    id,
    node_id: nodeId('PullRequest', id),
    number: pull.number,
    ...links,
    diff_url: `${links.html_url}.diff`,
    patch_url: `${links.html_url}.patch`,
    _links: hypertext(links),
    state: pull.state,
    locked: false,
    active_lock_reason: null,
    title: pull.title,
    body: pull.body,
    user: accountJson(github, pull.author),
    author_association: associationOf(repository, pull.author),
    draft: pull.draft,
    labels: labelsOf(repository, pull.labels, url),
    milestone: null,
    assignee: null,
    assignees: [],
    auto_merge: pull.autoMerge && {
      enabled_by: accountJson(github, pull.autoMerge.by),
      merge_method: pull.autoMerge.method,
      commit_title: pull.title,
      commit_message: '',
    },
    requested_reviewers: pull.reviewers.map((login) => accountJson(github, login)),
    requested_teams: requestedTeams(github, repository, pull.teamReviewers),
    head: await pullSide(call, pull.head),
    base: await pullSide(call, pull.base),
    merge_commit_sha: pull.mergeCommitSha,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    merged_at: pull.mergedAt,
  };
}

/** The merge base: later commits on the base branch are not part of the pull request. */
const startOf = async (repository: Repository, { base, head }: PullRecord): Promise<string> =>
  (await mergeBase(repository, base.sha, head.sha)) ?? base.sha;

export async function pullFiles(repository: Repository, pull: PullRecord): Promise<FileChange[]> {
  return changedFiles(repository, await startOf(repository, pull), pull.head.sha);
}

export async function pullDiff(repository: Repository, pull: PullRecord): Promise<Buffer> {
  return diffText(repository, await startOf(repository, pull), pull.head.sha);
}

/**
 * The form of a single pull request: the fields of the list, and those that git computes. github.com computes
 * `mergeable` in the background, so a new pull request has null there.
 */
export async function wholePullJson(
  call: RepositoryCall,
  pull: PullRecord,
  options: { isNew: boolean } = { isNew: false },
): Promise<Record<string, unknown>> {
  const { github, repository } = call;
  const { base, head } = pull;
  const files = await pullFiles(repository, pull);
  const sum = (field: 'additions' | 'deletions'): number =>
    files.reduce((total, file) => total + file[field], 0);
  const mergeable =
    pull.state === 'open' && !options.isNew
      ? (await mergedTree(repository, base.sha, head.sha)) !== undefined
      : null;
  return {
    ...(await pullJson(call, pull)),
    merged: pull.mergedAt !== null,
    merged_by: pull.mergedBy === null ? null : accountJson(github, pull.mergedBy),
    mergeable,
    rebaseable: mergeable === null ? null : false,
    mergeable_state: mergeable === null ? 'unknown' : mergeable ? 'clean' : 'dirty',
    maintainer_can_modify: false,
    comments: pull.comments.length,
    review_comments: 0,
    commits: await countCommits(repository, base.sha, head.sha),
    additions: sum('additions'),
    deletions: sum('deletions'),
    changed_files: files.length,
  };
}
