import type { Octokit } from '@octokit/rest';
import { BranchHasOtherCommitsError, PullRequestRefusedError } from '../../core/errors.ts';
import type { MergeMethod } from '../../core/pull-request-operation.ts';
import type { Repository } from './base.ts';
import { askFeedback, type Feedback } from './findings.ts';
import { endOf, type PullJson, type PullRequest, pullRequestOf } from './pull-request.ts';

export type Merge = {
  repositoryName: string;
  number: number;
  /** The commit that this job made: only this one is merged. */
  commitSha: string | undefined;
  method: MergeMethod;
};

type Ended = Pick<PullRequest, 'state' | 'mergedAt'>;

/**
 * Merges a pull request whose newest commit is the job's own and whose checks pass. Safe to run again: one that is merged
 * already keeps its state. `reader` may read checks.
 */
export async function mergePullRequest(
  { github, reader }: { github: Octokit; reader: Octokit },
  repository: Repository,
  merge: Merge,
): Promise<Ended> {
  const found = await mergeableOf(github, repository, merge);
  if (found.state !== 'open') return endOf(found);
  const reason = reasonNotGreen(await feedbackOf(reader, merge));
  if (reason) throw notMerged(merge, `${reason}. Merge it once they pass, or use the operation autoMerge`);
  return mergeNow(github, repository, merge);
}

/**
 * Lets GitHub merge a pull request once its checks and its reviews allow it, or merges it if they do already. Returns
 * `autoMerge` if GitHub is to do it.
 */
export async function mergeOnceGreen(
  { github, reader }: { github: Octokit; reader: Octokit },
  repository: Repository,
  merge: Merge,
): Promise<Ended & { autoMerge?: MergeMethod }> {
  const found = await mergeableOf(github, repository, merge);
  if (found.state !== 'open') return endOf(found);
  if (reasonNotGreen(await feedbackOf(reader, merge)) === undefined)
    return mergeNow(github, repository, merge);
  try {
    await github.graphql(ENABLE_AUTO_MERGE, {
      ...{ pullRequestId: found.nodeId, headSha: merge.commitSha },
      how: merge.method.toUpperCase(),
    });
  } catch (error) {
    const { name, errors = [] } = error as Error & { errors?: { message: string }[] };
    if (name !== 'GraphqlResponseError') throw error;
    throw notMerged(
      merge,
      `GitHub does not merge it by itself: ${errors.map(({ message }) => message).join('; ')}. Allow auto-merge in the settings of the repository`,
    );
  }
  return { state: 'open', autoMerge: merge.method };
}

export const ENABLE_AUTO_MERGE = `mutation EnableAutoMerge($pullRequestId: ID!, $headSha: GitObjectID!, $how: PullRequestMergeMethod!) {
  enablePullRequestAutoMerge(input: { pullRequestId: $pullRequestId, expectedHeadOid: $headSha, mergeMethod: $how }) {
    pullRequest { state }
  }
}`;

async function mergeableOf(
  github: Octokit,
  repository: Repository,
  merge: Merge,
): Promise<PullRequest & { nodeId: string }> {
  const { repositoryName, number, commitSha } = merge;
  const { data } = await github.rest.pulls.get({ ...repository, pull_number: number });
  const pull = { ...pullRequestOf(data as PullJson, repository.owner), nodeId: data.node_id };
  if (pull.state !== 'open') return pull;
  if (data.head.sha !== commitSha) {
    throw new BranchHasOtherCommitsError(
      `The pull request #${number} of ${repositoryName} was not merged: its newest commit ${data.head.sha.slice(0, 10)} is not of this job. Merge it by hand.`,
    );
  }
  if (pull.draft) throw notMerged(merge, 'it is a draft. Mark it as ready for review');
  return pull;
}

async function feedbackOf(reader: Octokit, { repositoryName, number }: Merge): Promise<Feedback | undefined> {
  for await (const [, feedback] of askFeedback(reader, [{ repositoryName, number }])) return feedback;
  return undefined;
}

/** A repository whose base has no checks has none at all; else they have not begun yet. */
function reasonNotGreen(feedback: Feedback | undefined): string | undefined {
  if (!feedback) return 'the credential cannot see its checks';
  const { checks, baseHasChecks, failures } = feedback;
  if (checks === 'pending') return 'its checks have not ended';
  if (checks === 'none') return baseHasChecks ? 'its checks have not begun' : undefined;
  if (checks === 'passing') return undefined;
  return `its checks fail (${failures.map(({ name }) => name).join(', ') || 'cancelled'})`;
}

async function mergeNow(github: Octokit, repository: Repository, merge: Merge): Promise<Ended> {
  const { number, commitSha, method } = merge;
  await github.rest.pulls.merge({
    ...{ ...repository, pull_number: number, merge_method: method },
    ...(commitSha && { sha: commitSha }),
  });
  const { data } = await github.rest.pulls.get({ ...repository, pull_number: number });
  return endOf(pullRequestOf(data as PullJson, repository.owner));
}

function notMerged({ repositoryName, number }: Merge, why: string): PullRequestRefusedError {
  return new PullRequestRefusedError(
    `The pull request #${number} of ${repositoryName} was not merged: ${why}.`,
  );
}
