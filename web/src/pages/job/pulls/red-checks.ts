import type { ListedPullRequest } from '../../../api/types.ts';
import type { Row } from '../rows.ts';

/** Open pull requests in which the same checks fail. `checks` is empty if GitHub gave no names. */
export type RedGroup = {
  key: string;
  checks: readonly string[];
  names: string[];
  /** Those of them whose change was not rejected. */
  repairable: string[];
};

/** Open pull requests with failing checks by what failed, the most frequent first. */
export function redGroups(rows: readonly Row[], pulls: ReadonlyMap<string, ListedPullRequest>): RedGroup[] {
  const red = rows.filter(({ prState, checks }) => prState === 'open' && checks === 'failing');
  const checksOf = ({ repositoryName }: Row) => pulls.get(repositoryName)?.failing ?? [];
  return [...Map.groupBy(red, (row) => JSON.stringify(checksOf(row)))]
    .map(([key, of]) => ({
      key,
      checks: checksOf(of[0]!),
      names: namesOf(of),
      repairable: namesOf(of.filter(({ review }) => review !== 'reject')),
    }))
    .sort((a, b) => b.names.length - a.names.length);
}

function namesOf(rows: readonly Row[]): string[] {
  return rows.map(({ repositoryName }) => repositoryName);
}

/** Whether a check of this name fails in the pull request. */
export function failsIn(pull: ListedPullRequest | undefined, check: string): boolean {
  return pull?.failing?.includes(check) ?? false;
}
