import type { Octokit } from '@octokit/rest';
import type { ChangeSet } from '../../core/change-set.ts';
import { PullRequestRefusedError, RepositoryUnavailableError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { publishAgain } from './advice.ts';
import { refuse } from './change-set-rules.ts';

export type Repository = { owner: string; repo: string };

/** What the commit goes on. */
export type Base = {
  /** The branch's name today: GitHub leads an old name to the new one. */
  branch: string;
  commitSha: string;
  treeSha: string;
  /** Of the files that the change touches, those that changed on the branch since it was cloned. */
  changedMeanwhile: string[];
};

/**
 * The branch's newest commit where nothing that the change touches has changed on it since; else the commit that the
 * change was made from. One call where the branch has not moved.
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
    if ((error as { status?: number }).status !== 404) throw error;
    // The list of pull requests was there, so the repository is.
    throw new RepositoryUnavailableError(
      `${owner}/${repo} has no branch ${branch} any more, or no commit at all: the branch was deleted or renamed since it was analysed. Bring it back, then ${publishAgain(jobId)}; or start a job with another settings.baseBranch.`,
      { cause: error },
    );
  }
}

async function treeOf(github: Octokit, { owner, repo }: Repository, commitSha: string): Promise<string> {
  try {
    const { data } = await github.rest.git.getCommit({ owner, repo, commit_sha: commitSha });
    return data.tree.sha;
  } catch (error) {
    const { status } = error as { status?: number };
    if (status !== 404 && status !== 422) throw error;
    throw new PullRequestRefusedError(
      `${owner}/${repo} has no commit ${commitSha.slice(0, 10)}, from which the change was made: its history was rewritten, or another repository has the name now. Start a new job.`,
      { cause: error },
    );
  }
}

/**
 * Of an owner's forks GitHub has every commit under the name of the repository itself: only what the branch was once at
 * is a commit to go on from.
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
    `The commit ${baseSha.slice(0, 10)}, from which the change of ${owner}/${repo} was made, is not in the history of ${head.branch}: the branch was overwritten since. Start a new job.`,
  );
}

/** `ahead` where the second commit comes after the first; undefined where they have no commit in common. */
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
    if ((error as { status?: number }).status !== 404) throw error;
    return undefined;
  }
}

/** Throws ChangeSetRefusedError where the change set names another base branch than the job does, or GitHub's default. */
export async function requireBaseBranch(
  github: Octokit,
  { owner, repo }: Repository,
  { job, row, changeSet }: { job: JobRow; row: RepositoryResult; changeSet: ChangeSet },
): Promise<void> {
  const named = job.settings.baseBranch ?? row.defaultBranch;
  if (changeSet.baseBranch === named) return;
  // Which branch is the default one may have changed between the job's start and the clone.
  const expected =
    job.settings.baseBranch ?? (await github.rest.repos.get({ owner, repo })).data.default_branch;
  if (changeSet.baseBranch === expected) return;
  refuse(`names ${changeSet.baseBranch} as its base branch, and that of ${owner}/${repo} is ${expected}`);
}

type TreeEntry = { path?: string; mode?: string; type?: string; sha?: string };

/**
 * Those of `paths` that are not the same in both trees, and those that an entry of the second tree stands in the way of.
 * Goes down only where the trees differ, so that it costs two calls for each folder that changed on the way.
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
    const [before, after] = [await read(trees.from), await read(trees.to)];
    // A folder too long to be listed whole: what is not known to be the same counts as changed.
    if (!before || !after) return [...below];
    const found: string[] = [];
    const byName = Map.groupBy(below, (path) => path.slice(folder.length).split('/')[0]!);
    for (const [name, named] of byName) {
      const [one, other] = [before.get(name), after.get(name)];
      if (isSame(one, other)) continue;
      const [exact, deeper] = [
        named.filter((path) => path === folder + name),
        named.filter((path) => path !== folder + name),
      ];
      found.push(...exact);
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
