import type { Octokit } from '@octokit/rest';
import { isOfJob, JOB_TRAILER, TREE_TRAILER } from '../../core/commit-trailers.ts';
import { BranchHasOtherCommitsError, PullRequestRefusedError, SettingsError } from '../../core/errors.ts';
import type { Person } from '../../core/setting-shapes.ts';
import { ancestorsOf } from '../../core/tree-path.ts';
import { publishAgain, publishElsewhere } from './advice.ts';
import type { Base, Repository } from './base.ts';
import { statusOf } from './status-of.ts';

export type CommitRequest = {
  jobId: string;
  branch: string;
  title: string;
  treeSha: string;
  base: Base;
  /** The commit before it, if it is one more of this job's. @default - the base */
  parent?: string | undefined;
  author: Person | undefined;
  committer: Person | undefined;
  signOff: boolean;
};

export type Commit = { sha: string; message: string; tree: { sha: string }; parents: readonly unknown[] };

/**
 * Creates a commit of this tree on the branch, and returns its SHA. Keeps a branch that already has such a commit of this
 * job, and moves one with an older commit of this job. Throws BranchHasOtherCommitsError for any other commit, unless
 * `findBelow` finds this job's commit below those that others added.
 */
export async function commitToBranch(
  github: Octokit,
  repository: Repository,
  request: CommitRequest,
  findBelow: (isThisChange: (commit: Commit) => boolean) => Promise<string | undefined>,
): Promise<string> {
  const { owner, repo } = repository;
  const ref = `heads/${request.branch}`;
  const sha = await createCommit(github, repository, request);
  if (await createRef(github, repository, request, sha)) return sha;

  const tip = await tipOf(github, repository, request);
  const isThisChange = (commit: Commit) =>
    isOurs(commit, request.jobId) && commit.tree.sha === request.treeSha;
  if (isThisChange(tip)) return tip.sha;
  if (!isOurs(tip, request.jobId)) {
    const below = await findBelow(isThisChange);
    if (below) return below;
    throw new BranchHasOtherCommitsError(
      `The branch ${request.branch} of ${owner}/${repo} has a commit that is not of this job (${tip.sha.slice(0, 10)}), so the branch was not changed. Rename or delete that branch, then ${publishAgain(request.jobId)}; or ${publishElsewhere(request.jobId)}.`,
    );
  }
  await github.rest.git.updateRef({ owner, repo, ref, sha, force: true });
  return sha;
}

/**
 * The newest commit of the branch and the commit that this job's commits begin at. Returns undefined if the newest one is not
 * of this job.
 */
export async function findOwnCommits(
  github: Octokit,
  repository: Repository,
  request: Pick<CommitRequest, 'jobId' | 'branch'>,
): Promise<{ tip: string; base: Pick<Base, 'commitSha' | 'treeSha'> } | undefined> {
  const tip = await tipOf(github, repository, request);
  let commit = { ...tip, parents: tip.parents as readonly { sha: string }[] };
  if (!isOurs(commit, request.jobId)) return undefined;
  while (isOurs(commit, request.jobId)) {
    const { data } = await github.rest.git.getCommit({ ...repository, commit_sha: commit.parents[0]!.sha });
    commit = data;
  }
  return { tip: tip.sha, base: { commitSha: commit.sha, treeSha: commit.tree.sha } };
}

async function createCommit(
  github: Octokit,
  { owner, repo }: Repository,
  request: CommitRequest,
): Promise<string> {
  const { author, committer, base, parent = base.commitSha, treeSha } = request;
  const { data } = await github.rest.git.createCommit({
    owner,
    repo,
    message: messageOf(request),
    tree: treeSha,
    parents: [parent],
    // Without them GitHub uses the account of the credential, and signs the commits of an App.
    ...(author && { author }),
    ...(committer && { committer }),
  });
  return data.sha;
}

function messageOf({ title, jobId, treeSha, signOff, author }: CommitRequest): string {
  if (signOff && !author) {
    throw new SettingsError(
      'A Signed-off-by line needs the author of the commit, and COMMIT_AUTHOR is not set. Set COMMIT_AUTHOR ("Name <address>"), or leave out pullRequest.signOff.',
    );
  }
  const trailers = [
    `${JOB_TRAILER}: ${jobId}`,
    `${TREE_TRAILER}: ${treeSha}`,
    ...(signOff && author ? [`Signed-off-by: ${author.name} <${author.email}>`] : []),
  ];
  return `${title}\n\n${trailers.join('\n')}\n`;
}

/** Returns false if a branch of this name exists. */
async function createRef(
  github: Octokit,
  { owner, repo }: Repository,
  { jobId, branch }: CommitRequest,
  sha: string,
): Promise<boolean> {
  try {
    await github.rest.git.createRef({ owner, repo, ref: `refs/heads/${branch}`, sha });
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === 422 && /already exists/i.test((error as Error).message)) return false;
    const other = status === 422 ? await branchInTheWay(github, { owner, repo }, branch) : undefined;
    if (other === undefined) throw error;
    throw new PullRequestRefusedError(
      `The branch ${branch} cannot be created in ${owner}/${repo}, because git allows no such name beside the branch ${other}. Rename or delete ${other}, then ${publishAgain(jobId)}; or ${publishElsewhere(jobId)}.`,
      { cause: error },
    );
  }
}

/** Git stores the branch `a` as a file and `a/b` in a folder, so only one of them can exist. */
async function branchInTheWay(
  github: Octokit,
  repository: Repository,
  branch: string,
): Promise<string | undefined> {
  for (const above of ancestorsOf(branch)) {
    const { data } = await github.rest.git.listMatchingRefs({ ...repository, ref: `heads/${above}` });
    if (data.some(({ ref }) => ref === `refs/heads/${above}`)) return above;
  }
  const { data } = await github.rest.git.listMatchingRefs({ ...repository, ref: `heads/${branch}/` });
  return data[0]?.ref.slice('refs/heads/'.length);
}

async function tipOf(
  github: Octokit,
  { owner, repo }: Repository,
  { jobId, branch }: Pick<CommitRequest, 'jobId' | 'branch'>,
): Promise<Commit> {
  try {
    const { data } = await github.rest.repos.getBranch({ owner, repo, branch });
    return { sha: data.commit.sha, ...data.commit.commit, parents: data.commit.parents };
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    throw new PullRequestRefusedError(
      `The branch ${branch} of ${owner}/${repo} was deleted while the pull request was being opened. To try again: ${publishAgain(jobId)}.`,
      { cause: error },
    );
  }
}

/** Whether the product made this commit for the job and no one amended it since: amending keeps the message, not the tree. */
function isOurs({ message, tree, parents }: Commit, jobId: string): boolean {
  const isAmended = !message.split('\n').includes(`${TREE_TRAILER}: ${tree.sha}`);
  return isOfJob(message, jobId) && !isAmended && parents.length === 1;
}
