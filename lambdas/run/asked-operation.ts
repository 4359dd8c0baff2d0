import type { PublishItem } from '../../core/execution.ts';
import type { JobRow } from '../../core/job.ts';
import type { PullRequestOperation } from '../../core/pull-request-operation.ts';
import { type RepositoryResult, runOfResult } from '../../core/repository-result.ts';
import type { Decisions } from '../../core/review.ts';
import { needsApproval, operationOn, type PUBLISHABLE_ATTRIBUTES } from './publishable.ts';

type Row = Pick<RepositoryResult, (typeof PUBLISHABLE_ATTRIBUTES)[number]>;

/** What a request for a publish run asks for, as far as it decides which repositories are taken. */
export type Asked = { approved?: boolean | undefined; operation?: PullRequestOperation | undefined };

/** Operations that publish a change, or bring it into the base branch. */
const OF_THE_CHANGE: ReadonlySet<PullRequestOperation> = new Set(['open', 'rebase', 'merge', 'autoMerge']);

/** Whether the operation depends on what a person has decided about the change. */
export function needsDecision(operation: PullRequestOperation): boolean {
  return OF_THE_CHANGE.has(operation);
}

/** What a publish run does about a repository, or the reason why it does nothing. */
export function operationFor(
  row: Row,
  decisions: Decisions,
  { approved, operation = 'open' }: Asked,
  job: Pick<JobRow, 'review'>,
): Omit<PublishItem, 'request'> | { reason: string } {
  const approvalNeeded = needsApproval(job, approved);
  if (operation === 'open') return operationOn(row, decisions, approvalNeeded);
  const { repositoryName, patchSha = '', status, outcome, pullRequest } = row;
  if (pullRequest?.state !== 'open')
    return {
      reason: pullRequest ? `has no open pull request (${pullRequest.state})` : 'has no pull request',
    };
  if (status === 'pending' || status === 'processing') return { reason: 'is being revised' };
  const item = { repositoryName, operation, patchSha };
  if (!needsDecision(operation)) return item;
  const decision = decisions.of(row);
  if (outcome !== 'changed') return { reason: `has no change (${outcome ?? status})` };
  if (decision === 'reject') return { reason: 'has a change that was rejected' };
  if (approvalNeeded && decision !== 'approve') return { reason: 'has a change that is not approved' };
  if (pullRequest.run !== undefined && pullRequest.run !== runOfResult(row))
    return { reason: 'has a newer change than its pull request shows; open it first' };
  if (operation === 'merge' && pullRequest.checks === 'failing') return { reason: 'has checks that fail' };
  return item;
}
