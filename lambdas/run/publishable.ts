import type { PublishItem } from '../../core/execution.ts';
import type { JobRow } from '../../core/job.ts';
import { type RepositoryResult, runOfResult } from '../../core/repository-result.ts';
import type { Decisions } from '../../core/review.ts';

/** The attributes that `operationOn` needs. */
export const PUBLISHABLE_ATTRIBUTES = [
  'repositoryName',
  'status',
  'outcome',
  'run',
  'resultRun',
  'shape',
  'patchSha',
  'pullRequestNumber',
  'pullRequestUrl',
  'pullRequest',
  'judgement',
] as const satisfies (keyof RepositoryResult)[];

type Row = Pick<RepositoryResult, (typeof PUBLISHABLE_ATTRIBUTES)[number]>;

/** Whether only approved changes are published: the job requires it, or the request for this run. */
export function needsApproval({ review }: Pick<JobRow, 'review'>, asked = false): boolean {
  return asked || review === 'required';
}

/** What a publish does about a repository, or the reason why it does nothing. */
export function operationOn(
  row: Row,
  decisions: Decisions,
  approvalNeeded: boolean,
): Omit<PublishItem, 'request'> | { reason: string } {
  const { repositoryName, outcome, status, patchSha = '', pullRequest } = row;
  const decision = decisions.of(row);
  if (isWithdrawn(row)) return { repositoryName, operation: 'close', patchSha };
  if (outcome !== 'changed') return { reason: `has no change (${outcome ?? status})` };
  if (status === 'pending' || status === 'processing') return { reason: 'is being revised' };
  if (decision === 'reject')
    return pullRequest?.state === 'open'
      ? { repositoryName, operation: 'close', patchSha }
      : { reason: 'has a change that was rejected' };
  if (approvalNeeded && decision !== 'approve') return { reason: 'has a change that is not approved' };
  const reason = reasonNotJudged(row, decision) ?? reasonPublished(row);
  return reason === undefined ? { repositoryName, operation: 'open', patchSha } : { reason };
}

/** Whether a revision found that nothing has to change, while a pull request still shows the change before it. */
export function isWithdrawn({
  outcome,
  status,
  pullRequest,
}: Pick<RepositoryResult, 'outcome' | 'status' | 'pullRequest'>): boolean {
  return outcome === 'unchanged' && status === 'completed' && pullRequest?.state === 'open';
}

/** Where no judgement could be had, a person decides. */
function reasonNotJudged({ judgement }: Row, decision: 'approve' | undefined): string | undefined {
  if (judgement?.decision !== 'none' || decision === 'approve') return undefined;
  return `has a change that could not be judged, so it has to be approved first (${judgement.reasons[0]?.text ?? 'no reason is recorded'})`;
}

function reasonPublished(row: Row): string | undefined {
  const { pullRequestNumber, pullRequestUrl, pullRequest } = row;
  if (pullRequestNumber === undefined) return undefined;
  // The decision or the result for which the job closed it no longer holds.
  if (pullRequest?.state === 'closed' && pullRequest.closedFor) return undefined;
  // A later run has analysed the repository again.
  if (pullRequest?.run !== undefined && pullRequest.run !== runOfResult(row)) return undefined;
  return `has ${pullRequestUrl} (${pullRequest?.state})`;
}
