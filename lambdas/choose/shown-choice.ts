import type { Choice, ChoicePage, ResolvedChoice } from '../../core/choice.ts';
import { mayTouch, mayTouchSomeOf, type RepositoryAccess } from '../../core/repository-access.ts';

/** The most of each list that one answer has. */
const MAX_LISTED = 10_000;

/** The choice of the caller's own entries: the first 10,000 of each list that the caller may see. */
export function firstOfChoice(choice: Choice, access: RepositoryAccess): ResolvedChoice {
  const { repositories, leftOut } = visible(choice, access);
  return {
    ...{ count: repositories.length, leftOutCount: leftOut.length },
    repositories: repositories.slice(0, MAX_LISTED),
    leftOut: leftOut.slice(0, MAX_LISTED),
    incomplete: choice.incomplete,
  };
}

/** A page of both lists of a choice together, by name, from behind `cursor`, a name. */
export function pageOfChoice(
  choice: Choice,
  access: RepositoryAccess,
  { limit, cursor = '' }: { limit: number; cursor: string | undefined },
): ChoicePage {
  const { repositories, leftOut, incomplete } = visible(choice, access);
  const rest = [...repositories, ...leftOut]
    .map(({ repositoryName }) => repositoryName)
    .filter((name) => name > cursor)
    .sort();
  const last = rest[limit - 1];
  const isOnPage = ({ repositoryName }: { repositoryName: string }) =>
    repositoryName > cursor && (last === undefined || repositoryName <= last);
  return {
    ...{ count: repositories.length, leftOutCount: leftOut.length },
    repositories: repositories.filter(isOnPage),
    leftOut: leftOut.filter(isOnPage),
    incomplete,
    ...(rest.length > limit && { cursor: last }),
  };
}

function visible({ repositories, leftOut, incomplete }: Choice, access: RepositoryAccess): Choice {
  const seen = <T extends { repositoryName: string }>(found: readonly T[]) =>
    found.filter(({ repositoryName }) => mayTouch(access, repositoryName));
  return {
    repositories: seen(repositories),
    leftOut: seen(leftOut),
    incomplete: incomplete.filter(({ entry }) => mayTouchSomeOf(access, entry)),
  };
}
