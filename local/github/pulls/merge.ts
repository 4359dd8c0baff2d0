import { z } from 'zod';
import { LOCAL_USER } from '../accounts/accounts.ts';
import { writeCommit } from '../objects/commits.ts';
import { mergedTree } from '../objects/history.ts';
import { moveRef } from '../objects/refs.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { GitHubError } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import { mergeViolationOf } from '../strict/rules.ts';
import type { PullRecord } from './pull-requests.ts';
import { changePull } from './pulls.ts';

const mergeRequest = z.object({
  commit_title: z.string().optional(),
  commit_message: z.string().optional(),
  sha: z.string().optional(),
  merge_method: z.enum(['merge', 'squash', 'rebase']).default('merge'),
});

type Merge = z.infer<typeof mergeRequest>;

function messageOf(repository: Repository, pull: PullRecord, merge: Merge): string {
  const squash = merge.merge_method === 'squash';
  const title = squash
    ? `${pull.title} (#${pull.number})`
    : `Merge pull request #${pull.number} from ${repository.record.owner}/${pull.head.ref}`;
  const text = merge.commit_message ?? (squash ? '' : pull.title);
  return [merge.commit_title ?? title, text].filter(Boolean).join('\n\n');
}

/** The record of the pull request after its merge. Throws what GitHub says if it cannot be merged. */
export async function mergeInto(
  repository: Repository,
  pull: PullRecord,
  merge: Merge & { by: string },
): Promise<Partial<PullRecord>> {
  if (merge.merge_method === 'rebase') {
    throw new GitHubError(405, 'Rebase merges are not allowed on this repository.');
  }
  if (merge.sha !== undefined && merge.sha !== pull.head.sha) {
    throw new GitHubError(409, 'Head branch was modified. Review and try the merge again.');
  }
  const { base, head } = pull;
  // A squash never makes a merge commit, so it cannot violate a linear history.
  const violation = merge.merge_method === 'merge' && (await mergeViolationOf(repository, base.ref));
  if (violation) throw new GitHubError(405, violation);
  const tree = pull.state === 'open' && !pull.draft && (await mergedTree(repository, base.sha, head.sha));
  if (!tree) throw new GitHubError(405, 'Pull Request is not mergeable');
  const parents = merge.merge_method === 'squash' ? [base.sha] : [base.sha, head.sha];
  const sha = await writeCommit(repository, { message: messageOf(repository, pull, merge), tree, parents });
  if (!(await moveRef(repository, `refs/heads/${base.ref}`, base.sha, sha))) {
    throw new GitHubError(409, 'Base branch was modified. Review and try the merge again.');
  }
  const now = new Date().toISOString();
  return { state: 'closed', mergedAt: now, mergedBy: merge.by, closedAt: now, mergeCommitSha: sha };
}

async function mergePull(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const merge = parseBody(call, 'PullRequest', mergeRequest);
  const by = call.caller.login ?? LOCAL_USER;
  const pull = await changePull(call, (before) => mergeInto(repository, before, { ...merge, by }));
  await repository.pushed();
  const message = 'Pull Request successfully merged';
  return { status: 200, body: { sha: pull.mergeCommitSha, merged: true, message } };
}

export const mergeRoutes: readonly RepositoryRoute[] = [
  ['PUT', '/pulls/{number}/merge', 'contents=write', mergePull],
];
