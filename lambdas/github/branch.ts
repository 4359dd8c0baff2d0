import type { Octokit } from '@octokit/rest';
import { isOfJob, JOB_TRAILER, TREE_TRAILER } from '../../core/commit-trailers.ts';
import { BranchHasOtherCommitsError, PullRequestRefusedError, SettingsError } from '../../core/errors.ts';
import type { Person } from '../../core/settings.ts';
import { ancestorsOf } from '../../core/tree-path.ts';
import { publishAgain, publishElsewhere } from './advice.ts';
import type { Base, Repository } from './base.ts';

export type CommitRequest = {
  jobId: string;
  branch: string;
  title: string;
  treeSha: string;
  base: Base;
  author: Person | undefined;
  committer: Person | undefined;
  signOff: boolean;
};

export type Commit = { sha: string; message: string; tree: { sha: string }; parents: readonly unknown[] };

/**
 * Makes the branch carry one commit of this tree, and returns its SHA. A branch that has such a commit of this job stays;
 * one with an older commit of this job is moved; one with anything else throws BranchHasOtherCommitsError, unless
 * `isKept` says that the commit is below what others added.
 */
export async function commitToBranch(
  github: Octokit,
  repository: Repository,
  request: CommitRequest,
  isKept: (ours: (commit: Commit) => boolean) => Promise<string | undefined>,
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
    const below = await isKept(isThisChange);
    if (below) return below;
    throw new BranchHasOtherCommitsError(
      `The branch ${request.branch} of ${owner}/${repo} has a commit that is not of this job (${tip.sha.slice(0, 10)}); it was left as it is. Rename or delete that branch, then ${publishAgain(request.jobId)}; or ${publishElsewhere(request.jobId)}.`,
    );
  }
  await github.rest.git.updateRef({ owner, repo, ref, sha, force: true });
  return sha;
}

async function createCommit(
  github: Octokit,
  { owner, repo }: Repository,
  request: CommitRequest,
): Promise<string> {
  const { author, committer, base, treeSha } = request;
  const { data } = await github.rest.git.createCommit({
    owner,
    repo,
    message: messageOf(request),
    tree: treeSha,
    parents: [base.commitSha],
    // Without them GitHub takes whom the credential belongs to, and signs what an App commits.
    ...(author && { author }),
    ...(committer && { committer }),
  });
  return data.sha;
}

function messageOf({ title, jobId, treeSha, signOff, author }: CommitRequest): string {
  if (signOff && !author) {
    throw new SettingsError(
      'A Signed-off-by line names the author of the commit: set COMMIT_AUTHOR ("Name <address>"), or leave out pullRequest.signOff.',
    );
  }
  const trailers = [
    `${JOB_TRAILER}: ${jobId}`,
    `${TREE_TRAILER}: ${treeSha}`,
    ...(signOff && author ? [`Signed-off-by: ${author.name} <${author.email}>`] : []),
  ];
  return `${title}\n\n${trailers.join('\n')}\n`;
}

/** False where there is a branch of this name. */
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
    const { status, message } = error as { status?: number; message?: string };
    if (status === 422 && /already exists/i.test(message ?? '')) return false;
    const other = status === 422 ? await branchInTheWay(github, { owner, repo }, branch) : undefined;
    if (other === undefined) throw error;
    throw new PullRequestRefusedError(
      `${owner}/${repo} has a branch ${other}, beside which git can have none of the name ${branch}. Rename or delete ${other}, then ${publishAgain(jobId)}; or ${publishElsewhere(jobId)}.`,
      { cause: error },
    );
  }
}

/** Git keeps `a` as a file and `a/b` in a folder, so that it has one of them only. */
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
  { jobId, branch }: CommitRequest,
): Promise<Commit> {
  try {
    const { data } = await github.rest.repos.getBranch({ owner, repo, branch });
    return { sha: data.commit.sha, ...data.commit.commit, parents: data.commit.parents };
  } catch (error) {
    if ((error as { status?: number }).status !== 404) throw error;
    throw new PullRequestRefusedError(
      `GitHub says that the branch ${branch} of ${owner}/${repo} exists, and then that it does not: it was deleted meanwhile. ${publishAgain(jobId)} tries again.`,
      { cause: error },
    );
  }
}

/** A commit that we made of this job and that nobody has amended since: amending keeps the message, not the tree. */
function isOurs({ message, tree, parents }: Commit, jobId: string): boolean {
  const isAmended = !message.split('\n').includes(`${TREE_TRAILER}: ${tree.sha}`);
  return isOfJob(message, jobId) && !isAmended && parents.length === 1;
}
