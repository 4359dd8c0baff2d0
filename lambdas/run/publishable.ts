import type { RepositoryResult } from '../../core/repository-result.ts';

/** What decides whether a row's change is to become a pull request. */
export const PUBLISHABLE_ATTRIBUTES = [
  'repositoryName',
  'status',
  'outcome',
  'run',
  'pullRequestNumber',
  'pullRequestUrl',
  'pullRequest',
] as const satisfies (keyof RepositoryResult)[];

type Row = Pick<RepositoryResult, (typeof PUBLISHABLE_ATTRIBUTES)[number]>;

/** Why there is nothing to open for a repository; undefined where there is a change that no pull request shows. */
export function reasonNotPublishable({
  status,
  outcome,
  run,
  pullRequestNumber,
  pullRequestUrl,
  pullRequest,
}: Row): string | undefined {
  if (outcome !== 'changed') return `has no change (${outcome ?? status})`;
  if (pullRequestNumber === undefined) return undefined;
  // A later run has analysed it again since.
  if (pullRequest?.run !== undefined && pullRequest.run !== run) return undefined;
  return `has ${pullRequestUrl} (${pullRequest?.state})`;
}
