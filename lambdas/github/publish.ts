import type { Octokit } from '@octokit/rest';
import type { ChangedFile, ChangeSet } from '../../core/change-set.ts';
import { BranchHasOtherCommitsError, ChangeSetRefusedError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';

export type PublishedPullRequest = {
  branch: string;
  url: string;
  number: number;
  state: 'open' | 'closed' | 'merged';
};

type Target = { owner: string; repo: string; branch: string };

/** Says in a commit whose it is, so that a branch that a human went on with is never moved. */
const TRAILER = 'Cody-Batch-Job';
/** What GitHub takes as a title and as a body. */
const MAX_TITLE = 256;
const MAX_BODY = 60_000;

/**
 * Makes a recorded change set a pull request through the Git Data API: blobs, tree, commit, ref, pull. Safe to run
 * again at any point: an existing pull request of the job's branch is returned as it is.
 */
export async function publishChangeSet(
  github: Octokit,
  { job, repositoryName, changeSet }: { job: JobRow; repositoryName: string; changeSet: ChangeSet },
): Promise<PublishedPullRequest> {
  const [owner, repo] = repositoryName.split('/') as [string, string];
  const target = { owner, repo, branch: job.pullRequest?.branch ?? `cody-batch/${job.jobId}` };

  const existing = await findPullRequest(github, target);
  if (existing) return existing;

  const title = oneLine(job.pullRequest?.title ?? changeSet.title, MAX_TITLE) || job.name;
  const commit = await commitChangeSet(github, target, changeSet, `${title}\n\n${TRAILER}: ${job.jobId}\n`);
  await pointBranch(github, target, commit, job.jobId);
  const { data: pull } = await github.rest.pulls.create({
    owner,
    repo,
    title,
    head: target.branch,
    base: changeSet.baseBranch,
    body: bodyOf(job, changeSet),
    draft: job.pullRequest?.draft ?? false,
  });
  return { branch: target.branch, url: pull.html_url, number: pull.number, state: 'open' };
}

async function findPullRequest(
  github: Octokit,
  { owner, repo, branch }: Target,
): Promise<PublishedPullRequest | undefined> {
  const { data } = await github.rest.pulls.list({
    owner,
    repo,
    head: `${owner}:${branch}`,
    state: 'all',
    per_page: 1,
  });
  const [pull] = data;
  if (!pull) return undefined;
  const state = pull.merged_at ? 'merged' : pull.state === 'closed' ? 'closed' : 'open';
  return { branch, url: pull.html_url, number: pull.number, state };
}

async function commitChangeSet(
  github: Octokit,
  { owner, repo }: Target,
  changeSet: ChangeSet,
  message: string,
): Promise<string> {
  const { data: base } = await github.rest.git.getCommit({ owner, repo, commit_sha: changeSet.baseSha });
  const tree = [];
  for (const file of changeSet.files) {
    refuseOutside(file.path);
    tree.push(await treeEntry(github, { owner, repo }, file));
  }
  const { data: created } = await github.rest.git.createTree({ owner, repo, base_tree: base.tree.sha, tree });
  const { data: commit } = await github.rest.git.createCommit({
    owner,
    repo,
    message,
    tree: created.sha,
    parents: [changeSet.baseSha],
  });
  return commit.sha;
}

async function treeEntry(
  github: Octokit,
  { owner, repo }: Pick<Target, 'owner' | 'repo'>,
  file: ChangedFile,
) {
  if (file.status === 'deleted')
    return { path: file.path, mode: '100644' as const, type: 'blob' as const, sha: null };
  const { data: blob } = await github.rest.git.createBlob({
    owner,
    repo,
    content: file.content,
    encoding: 'base64',
  });
  return { path: file.path, mode: file.mode, type: 'blob' as const, sha: blob.sha };
}

/** Creates the job's branch, or moves it where it carries a commit of this very job. */
async function pointBranch(
  github: Octokit,
  { owner, repo, branch }: Target,
  sha: string,
  jobId: string,
): Promise<void> {
  const { data: refs } = await github.rest.git.listMatchingRefs({ owner, repo, ref: `heads/${branch}` });
  const existing = refs.find(({ ref }) => ref === `refs/heads/${branch}`);
  if (!existing) {
    await github.rest.git.createRef({ owner, repo, ref: `refs/heads/${branch}`, sha });
    return;
  }
  const { data: tip } = await github.rest.git.getCommit({ owner, repo, commit_sha: existing.object.sha });
  if (!tip.message.includes(`${TRAILER}: ${jobId}`)) {
    throw new BranchHasOtherCommitsError(
      `The branch ${branch} of ${owner}/${repo} has a commit that is not of this job (${tip.sha.slice(0, 10)}). Rename or delete it, or give the job another pullRequest.branch; then publish again.`,
    );
  }
  await github.rest.git.updateRef({ owner, repo, ref: `heads/${branch}`, sha, force: true });
}

function refuseOutside(path: string): void {
  const parts = path.split('/');
  if (
    path === '' ||
    parts.some((part) => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git')
  ) {
    throw new ChangeSetRefusedError(
      `The change set names ${JSON.stringify(path)}, which is no path inside the repository; nothing was published.`,
    );
  }
}

function bodyOf(job: JobRow, changeSet: ChangeSet): string {
  const footer = `\n\n---\nOpened by Cody Batch, job \`${job.jobId}\` (${oneLine(job.name, 200)}).`;
  const body = neutralise(changeSet.body || changeSet.summary);
  return body.length + footer.length > MAX_BODY
    ? `${body.slice(0, MAX_BODY - footer.length - 1)}…${footer}`
    : body + footer;
}

/** The model's text is data: it mentions nobody and closes no issue. */
function neutralise(text: string): string {
  return text
    .replace(/@(?=[A-Za-z0-9])/g, '@\u200b')
    .replace(/\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(\s*:?\s+)(?=\S*#\d|https?:)/gi, '$1\u200b$2');
}

function oneLine(text: string, limit: number): string {
  const line = neutralise(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}
