import { isOfJob } from '../../core/commit-trailers.ts';
import { PullRequestRefusedError } from '../../core/errors.ts';
import { branchNameOf, type JobRow } from '../../core/job.ts';
import { ancestorsOf } from '../../core/tree-path.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { type Clone, type CloneRequest, explain, openRemote, unreachable } from './clone.ts';
import { retryGit } from './git-retries.ts';

type Job = Pick<JobRow, 'jobId' | 'type' | 'createPullRequests' | 'pullRequest'>;

/** The server's branches that can conflict with the job's branch: full name to commit. */
export type RemoteBranches = ReadonlyMap<string, string>;

/** The listing is read in pieces, and only the branches that can conflict are kept. */
const MAX_LISTING_BYTES = 256 * 1024 * 1024;

/**
 * Finds the branches that could block the job's pull request, before any model is paid. Uses `git ls-remote`,
 * which does not count against GitHub's API limits. Returns undefined if the job creates no pull request.
 */
export async function findBranches(
  workspace: Workspace,
  request: CloneRequest,
  job: Job,
): Promise<RemoteBranches | undefined> {
  if (!job.createPullRequests) return undefined;
  const { git, url } = openRemote(workspace, request);
  const branch = branchNameOf(job, request.repositoryName);
  const exact = new Set([
    `refs/heads/${branch}`,
    ...ancestorsOf(branch).map((above) => `refs/heads/${above}`),
  ]);
  const isWanted = (ref: string) => exact.has(ref) || ref.startsWith(`refs/heads/${branch}/`);
  const retries = { ...request.retries, signal: AbortSignal.any([request.stop, request.signal]) };
  const { found } = await retryGit(async () => {
    const listing = new RefListing(isWanted);
    try {
      await git.askServer(['ls-remote', '--heads', '--', url], {
        signal: request.signal,
        maxBytes: MAX_LISTING_BYTES,
        read: (chunk) => listing.read(chunk),
      });
    } catch (error) {
      throw explain(error, request, url);
    }
    return listing;
  }, retries).catch((error: unknown) => {
    throw unreachable(error, request, url);
  });
  return found;
}

/**
 * Throws PullRequestRefusedError if the job's own branch cannot be created: it is the base branch, its name
 * conflicts with another branch's, or its newest commit is not of this job.
 */
export async function requireOwnBranch(
  branches: RemoteBranches,
  { git, baseBranch }: Pick<Clone, 'git' | 'baseBranch'>,
  job: Job,
  { repositoryName, signal }: Pick<CloneRequest, 'repositoryName' | 'signal'>,
): Promise<void> {
  const branch = branchNameOf(job, repositoryName);
  const refuse = (fault: string, mend: string) => {
    const other = 'start a job with another pullRequest.branch';
    throw new PullRequestRefusedError(
      `${fault}. No model was asked. ${mend ? `${mend}, then retry the job; or ${other}` : `S${other.slice(1)}`}.`,
    );
  };
  if (branch === baseBranch)
    refuse(
      `The pull request of ${repositoryName} would go from ${branch} into ${branch}, its base branch`,
      '',
    );
  const other = [...branches.keys()]
    .map((ref) => ref.replace('refs/heads/', ''))
    .find((name) => branch.startsWith(`${name}/`) || name.startsWith(`${branch}/`));
  if (other !== undefined) {
    refuse(
      `${repositoryName} has a branch ${other}, beside which git can have none of the name ${branch}`,
      `Rename or delete ${other}`,
    );
  }
  const tip = branches.get(`refs/heads/${branch}`);
  if (tip === undefined) return;
  await git.fetch(['--depth', '1', '--no-tags', 'origin', tip], { signal });
  const message = (await git.run(['log', '-1', '--format=%B', tip], { signal })).toString();
  if (!isOfJob(message, job.jobId)) {
    refuse(
      `${repositoryName} has a branch ${branch} already, whose newest commit ${tip.slice(0, 10)} is not of this job`,
      'Rename or delete that branch',
    );
  }
}

/** Reads `id TAB name LF`. */
class RefListing {
  readonly found = new Map<string, string>();
  readonly #isWanted: (ref: string) => boolean;
  #rest = '';

  constructor(isWanted: (ref: string) => boolean) {
    this.#isWanted = isWanted;
  }

  read(chunk: Buffer): boolean {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [id = '', name = ''] = line.split('\t');
      const ref = Buffer.from(name, 'latin1').toString('utf8');
      if (this.#isWanted(ref)) this.found.set(ref, id);
    }
    return true;
  }
}
