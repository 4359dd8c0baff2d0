import type { Octokit } from '@octokit/rest';
import { isAllowed } from '../../core/allowed-repositories.ts';
import type { ChangeSet } from '../../core/change-set.ts';
import { isOfJob } from '../../core/commit-trailers.ts';
import { PullRequestRefusedError, RepositoryUnavailableError } from '../../core/errors.ts';
import {
  branchNameOf,
  type JobRow,
  type PullRequestOverrides,
  type PullRequestSettings,
  parseRepositoryName,
} from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import type { Settings } from '../../core/settings.ts';
import { publishAgain, publishElsewhere } from './advice.ts';
import { type Base, findBase, type Repository, requireBaseBranch } from './base.ts';
import { readTree, requireFitting } from './base-tree.ts';
import { type Commit, commitToBranch, findOwnCommits } from './branch.ts';
import { type MarkedComment, marked } from './comments.ts';
import {
  createPullRequest,
  findPullRequests,
  type PullRequest,
  reopenPullRequest,
  updateBody,
} from './pull-request.ts';
import { findTemplate } from './pull-request-template.ts';
import { bodyOf, titleOf } from './pull-request-text.ts';
import { markPullRequest } from './reviewers.ts';
import { writeTree } from './tree.ts';

export type Publication = {
  repositoryName: string;
  job: JobRow;
  /** Overrides of the job's pull request settings. */
  publishAs?: PullRequestOverrides | undefined;
  row: RepositoryResult;
  changeSet: ChangeSet;
  settings: Settings;
  /** Whether the change moves to the base branch's newest commit. @default false */
  rebase?: boolean;
};

export type Published = PullRequest & {
  branch: string;
  /** Absent if the pull request was already closed or merged. */
  commitSha?: string;
  /** The repository's new name, if it was renamed. */
  renamedTo?: string;
  warnings: string[];
};

/**
 * Publishes a recorded change set as a pull request, through the Git Data API. Safe to run again after any failure:
 * existing objects are found and used, so there is one branch, one commit and one pull request in the end. Opens a pull
 * request again that the job itself closed; returns any other that was closed or merged unchanged. Seven calls for a change of
 * short text files.
 */
export async function publishChangeSet(github: Octokit, publication: Publication): Promise<Published> {
  const { job, changeSet, settings } = publication;
  const { owner, name: repo } = parseRepositoryName(publication.repositoryName);
  const repository = { owner, repo };
  const branch = branchOf(publication);
  const wanted = wantedOf(publication);

  const { pulls, redirected } = await findPullRequests(github, repository, branch);
  if (redirected) {
    const renamedTo = await newNameOf(github, repository, settings, job);
    return { ...(await publishChangeSet(github, { ...publication, repositoryName: renamedTo })), renamedTo };
  }
  const existing = pulls.find(({ state }) => state === 'open');
  const ended = existing ? undefined : await endedOfJob(github, repository, pulls, job.jobId);
  if (ended && !isClosedByJob(ended, publication.row)) return { ...ended, branch, warnings: [] };

  await requireBaseBranch(github, repository, publication);
  // A revision is one more commit, on what the pull request stands on already.
  const own =
    (existing ?? ended) && !publication.rebase && isRevised(publication.row)
      ? await findOwnCommits(github, repository, { jobId: job.jobId, branch })
      : undefined;
  const base = { ...(await findBase(github, repository, publication)), ...own?.base };
  requireOwnBranch(branch, base, publication);
  if (publication.rebase) requireRebasable(base, publication);
  const baseTree = await readTree(github, repository, base.treeSha);
  await requireFitting(baseTree, changeSet);
  const treeSha = await writeTree(github, repository, base, changeSet);
  const title = titleOf({ ...publication, wanted });
  const request = {
    jobId: job.jobId,
    branch,
    title,
    treeSha,
    base,
    parent: own?.tip,
    author: settings.COMMIT_AUTHOR,
    committer: settings.COMMIT_COMMITTER,
    signOff: wanted.signOff ?? settings.SIGN_OFF,
  };
  // Before the branch moves: GitHub does not reopen a pull request whose branch was moved by force.
  const again = ended && (await reopenPullRequest(github, repository, ended, whyOpenAgain(publication)));
  const refusal = again && 'refusal' in again ? again.refusal : undefined;
  const shown = again && !('refusal' in again) ? again : existing;
  const commitSha = await commitToBranch(github, repository, request, async (isThisChange) => {
    const commits = shown ? await commitsOf(github, repository, shown) : [];
    return commits.find(isThisChange)?.sha;
  });

  const template = await findTemplate(github, repository, baseTree, wanted.template);
  const body = bodyOf({ ...publication, wanted }, base, template);
  const { pull, warnings } = await openOrUpdate(github, repository, shown, {
    draft: wanted.draft ?? false,
    branch,
    title,
    body,
    base,
  });
  const marks = await markPullRequest(github, repository, pull, wanted, { base, changeSet });
  const anew =
    refusal === undefined
      ? []
      : [`Pull request #${ended!.number} could not be reopened (${refusal}), so this one was opened.`];
  return { ...pull, branch, commitSha, warnings: [...anew, ...warnings, ...marks] };
}

/** Whether the job closed this pull request, and no one has opened and closed it since. */
function isClosedByJob(
  { number, state, closedAt }: PullRequest,
  { pullRequestNumber, pullRequest }: RepositoryResult,
): boolean {
  const { closedFor, closedAt: closedByJobAt } = pullRequest ?? {};
  return (
    closedFor !== undefined &&
    state === 'closed' &&
    number === pullRequestNumber &&
    // Absent if the job's step was lost between the closing and its record.
    (closedByJobAt === undefined || closedByJobAt === closedAt)
  );
}

function whyOpenAgain({ job, row }: Publication): MarkedComment {
  const why =
    row.pullRequest?.closedFor === 'withdrawn'
      ? `A revision of ${job.jobId} has a change again.`
      : `The change is no longer rejected in the review of ${job.jobId}.`;
  return marked(why, job.jobId, `reopen ${row.pullRequest?.closedAt ?? ''}`.trim());
}

/** Whether the change is that of a revision. */
function isRevised({ resultRun, revision }: RepositoryResult): boolean {
  return revision?.cameTo === 'replaced' && revision.run === resultRun;
}

/** The branch that the request of this run names, or that of the existing pull request, or the job's. */
function branchOf({ job, publishAs, row }: Pick<Publication, 'job' | 'publishAs' | 'row'>): string {
  const there = row.pullRequestNumber === undefined ? undefined : row.branch;
  // A repository that was renamed keeps the branch of its first name.
  const { repositoryName } = row;
  if (publishAs?.branch) return branchNameOf(job, repositoryName, publishAs.branch);
  return there ?? branchNameOf(job, repositoryName);
}

function requireOwnBranch(branch: string, base: Base, { job, repositoryName }: Publication): void {
  if (branch !== base.branch) return;
  throw new PullRequestRefusedError(
    `The branch of the pull request of ${repositoryName} is ${branch}, which is also its base branch. Choose another branch: ${publishElsewhere(job.jobId)}.`,
  );
}

/** Only what no one else has changed moves by itself: else a person, or a revision, has to look at it. */
function requireRebasable({ branch, changedMeanwhile }: Base, { repositoryName }: Publication): void {
  if (changedMeanwhile.length === 0) return;
  const some = changedMeanwhile.slice(0, 5).join(', ');
  const more = changedMeanwhile.length > 5 ? ` and ${changedMeanwhile.length - 5} more` : '';
  throw new PullRequestRefusedError(
    `The pull request of ${repositoryName} was not rebased: ${some}${more} changed on ${branch} since the change was made. Rebase it by hand, or start a new job.`,
  );
}

/** The pull request settings of the job, overridden by those of the request that started this run. */
function wantedOf({ job, publishAs }: Publication): PullRequestSettings & { body?: string } {
  return { ...job.pullRequest, ...publishAs };
}

/** The pull request with a commit of this job; an earlier job may have used the same branch name. */
async function endedOfJob(
  github: Octokit,
  repository: Repository,
  pulls: readonly PullRequest[],
  jobId: string,
): Promise<PullRequest | undefined> {
  for (const pull of pulls) {
    const commits = await commitsOf(github, repository, pull);
    if (commits.some(({ message }) => isOfJob(message, jobId))) return pull;
  }
  return undefined;
}

async function commitsOf(
  github: Octokit,
  repository: Repository,
  { number }: PullRequest,
): Promise<Commit[]> {
  const { data } = await github.rest.pulls.listCommits({ ...repository, pull_number: number, per_page: 100 });
  return data.map(({ sha, commit, parents }) => ({ ...commit, sha, parents }));
}

/** Throws RepositoryUnavailableError if ALLOWED_REPOSITORIES does not allow the new name. */
async function newNameOf(
  github: Octokit,
  { owner, repo }: Repository,
  { ALLOWED_REPOSITORIES }: Settings,
  { jobId }: JobRow,
): Promise<string> {
  const { data } = await github.rest.repos.get({ owner, repo });
  if (isAllowed(ALLOWED_REPOSITORIES, data.full_name)) return data.full_name;
  throw new RepositoryUnavailableError(
    `${owner}/${repo} was renamed to ${data.full_name}, which ALLOWED_REPOSITORIES does not allow. Add it there, then ${publishAgain(jobId)}.`,
  );
}

async function openOrUpdate(
  github: Octokit,
  repository: Repository,
  existing: PullRequest | undefined,
  request: { draft: boolean; branch: string; title: string; body: string; base: Base },
): Promise<{ pull: PullRequest; warnings: string[] }> {
  const { draft, branch, title, body, base } = request;
  if (existing) {
    await updateBody(github, repository, existing, body);
    return { pull: existing, warnings: [] };
  }
  return createPullRequest(github, repository, { head: branch, base: base.branch, title, body, draft });
}
