import type { Octokit } from '@octokit/rest';
import type { ChangeSet } from '../../core/change-set.ts';
import { PullRequestRefusedError, RepositoryUnavailableError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { publishAgain } from './advice.ts';
import { refuse } from './change-set-rules.ts';
import { statusOf } from './status-of.ts';

export type Repository = { owner: string; repo: string };

/** The parent of the commit, and the branch that the pull request goes into. */
export type Base = {
  /** The branch's current name: GitHub redirects from a former one. */
  branch: string;
  commitSha: string;
  treeSha: string;
  /** Files of the change set that have also changed on the branch since it was cloned. */
  changedMeanwhile: string[];
};

/**
 * The branch's newest commit if no file of the change set has changed on it since, or else the commit that the change was
 * made from. One call if the branch has not moved.
 */
export async function findBase(
  github: Octokit,
  repository: Repository,
  { changeSet, job }: { changeSet: ChangeSet; job: Pick<JobRow, 'jobId'> },
): Promise<Base> {
  const head = await headOf(github, repository, changeSet.baseBranch, job);
  if (head.commitSha === changeSet.baseSha) return { ...head, changedMeanwhile: [] };
  const recorded = await treeOf(github, repository, changeSet.baseSha);
  await requireAncestor(github, repository, changeSet.baseSha, head);
  const changedMeanwhile = await differing(
    github,
    repository,
    { from: recorded, to: head.treeSha },
    changeSet.files.map(({ path }) => path),
  );
  if (changedMeanwhile.length === 0) return { ...head, changedMeanwhile };
  return { branch: head.branch, commitSha: changeSet.baseSha, treeSha: recorded, changedMeanwhile };
}

async function headOf(
  github: Octokit,
  { owner, repo }: Repository,
  branch: string,
  { jobId }: Pick<JobRow, 'jobId'>,
) {
  try {
    const { data } = await github.rest.repos.getBranch({ owner, repo, branch });
    return { branch: data.name, commitSha: data.commit.sha, treeSha: data.commit.commit.tree.sha };
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    // The repository exists: its pull requests were listed before.
    throw new RepositoryUnavailableError(
      `${owner}/${repo} has no branch ${branch}. It was deleted or renamed since the analysis, or the repository is empty. Restore the branch, then ${publishAgain(jobId)}; or start a job with another settings.baseBranch.`,
      { cause: error },
    );
  }
}

async function treeOf(github: Octokit, { owner, repo }: Repository, commitSha: string): Promise<string> {
  try {
    const { data } = await github.rest.git.getCommit({ owner, repo, commit_sha: commitSha });
    return data.tree.sha;
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 422) throw error;
    throw new PullRequestRefusedError(
      `${owner}/${repo} has no commit ${commitSha.slice(0, 10)}, which the change was made from. Its history was rewritten, or another repository has taken its name. Start a new job.`,
      { cause: error },
    );
  }
}

/**
 * GitHub serves the commits of every fork under the name of the repository, so the commit must be in the history of the
 * branch. Throws PullRequestRefusedError.
 */
async function requireAncestor(
  github: Octokit,
  { owner, repo }: Repository,
  baseSha: string,
  head: { branch: string; commitSha: string },
): Promise<void> {
  const status = await compare(github, { owner, repo }, `${baseSha}...${head.commitSha}`);
  if (status === 'ahead' || status === 'identical') return;
  throw new PullRequestRefusedError(
    `The commit ${baseSha.slice(0, 10)}, which the change of ${owner}/${repo} was made from, is not in the history of ${head.branch}. The branch was overwritten since the analysis. Start a new job.`,
  );
}

/** `ahead` if the second commit is a descendant of the first; undefined if they have no common ancestor. */
async function compare(
  github: Octokit,
  repository: Repository,
  basehead: string,
): Promise<string | undefined> {
  try {
    const { data } = await github.rest.repos.compareCommitsWithBasehead({
      ...repository,
      basehead,
      per_page: 1,
    });
    return data.status;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    return undefined;
  }
}

/** Throws ChangeSetRefusedError if the base branch is neither the one that the job names nor, by default, GitHub's. */
export async function requireBaseBranch(
  github: Octokit,
  { owner, repo }: Repository,
  { job, row, changeSet }: { job: JobRow; row: RepositoryResult; changeSet: ChangeSet },
): Promise<void> {
  const named = job.settings.baseBranch ?? row.defaultBranch;
  if (changeSet.baseBranch === named) return;
  // The default branch may have changed between the start of the job and the clone.
  const expected =
    job.settings.baseBranch ?? (await github.rest.repos.get({ owner, repo })).data.default_branch;
  if (changeSet.baseBranch === expected) return;
  refuse(`has the base branch ${changeSet.baseBranch}; expected ${expected} for ${owner}/${repo}`);
}

type TreeEntry = { path?: string; mode?: string; type?: string; sha?: string };

/**
 * Those of `paths` that differ between the trees, or that an entry of the second tree blocks (a file in place of a
 * folder). Descends only where the trees differ: two calls for each changed folder on the way.
 */
async function differing(
  github: Octokit,
  { owner, repo }: Repository,
  { from, to }: { from: string; to: string },
  paths: readonly string[],
): Promise<string[]> {
  const read = async (sha: string | undefined): Promise<Map<string, TreeEntry> | undefined> => {
    if (!sha) return new Map();
    const { data } = await github.rest.git.getTree({ owner, repo, tree_sha: sha });
    if (data.truncated) return undefined;
    return new Map(data.tree.map((entry) => [entry.path ?? '', entry]));
  };
  const compare = async (
    trees: { from: string | undefined; to: string | undefined },
    folder: string,
    below: readonly string[],
  ): Promise<string[]> => {
    if (trees.from === trees.to) return [];
    const before = await read(trees.from);
    const after = await read(trees.to);
    // The listing of a folder was truncated: its files count as changed.
    if (!before || !after) return [...below];
    const found: string[] = [];
    const byName = Map.groupBy(below, (path) => path.slice(folder.length).split('/')[0]!);
    for (const [name, named] of byName) {
      const one = before.get(name);
      const other = after.get(name);
      if (isSame(one, other)) continue;
      const deeper = named.filter((path) => path !== folder + name);
      found.push(...named.filter((path) => path === folder + name));
      if (deeper.length === 0) continue;
      const isFolder = (entry: TreeEntry | undefined) => !entry || entry.type === 'tree';
      if (isFolder(one) && isFolder(other))
        found.push(...(await compare({ from: one?.sha, to: other?.sha }, `${folder}${name}/`, deeper)));
      else found.push(...deeper);
    }
    return found;
  };
  return (await compare({ from, to }, '', paths)).sort();
}

function isSame(one: TreeEntry | undefined, other: TreeEntry | undefined): boolean {
  return one?.sha === other?.sha && one?.mode === other?.mode;
}
