import type { RepositoryResult } from '../../core/repository-result.ts';

/** The attributes that `reasonNotPublishable` needs. */
export const PUBLISHABLE_ATTRIBUTES = [
  'repositoryName',
  'status',
  'outcome',
  'run',
  'pullRequestNumber',
  'pullRequestUrl',
  'pullRequest',
  'judgement',
] as const satisfies (keyof RepositoryResult)[];

type Row = Pick<RepositoryResult, (typeof PUBLISHABLE_ATTRIBUTES)[number]>;

/** Why a repository needs no pull request; undefined if it has a change that no pull request shows. */
export function reasonNotPublishable({
  status,
  outcome,
  run,
  pullRequestNumber,
  pullRequestUrl,
  pullRequest,
  judgement,
}: Row): string | undefined {
  if (outcome !== 'changed') return `has no change (${outcome ?? status})`;
  if (judgement?.decision === 'none')
    return `was not judged (${judgement.reasons[0]?.text ?? 'no reason is recorded'}); a person has to approve it`;
  if (pullRequestNumber === undefined) return undefined;
  // A later run has analysed the repository again.
  if (pullRequest?.run !== undefined && pullRequest.run !== run) return undefined;
  return `has ${pullRequestUrl} (${pullRequest?.state})`;
}
