import { mayTouchAllOf, type RepositoryAccess } from '../../core/repository-access.ts';
import { HttpError } from './problem.ts';

const MAX_NAMES_IN_MESSAGE = 5;

/** Throws 403 if a job would work on repositories that the caller may not touch. An exception takes nothing in. */
export function refuseUntouchable(repositories: readonly string[], access: RepositoryAccess): void {
  const refused = repositories.filter((name) => !name.startsWith('!') && !mayTouchAllOf(access, name));
  if (refused.length === 0) return;
  const more =
    refused.length > MAX_NAMES_IN_MESSAGE ? ` and ${refused.length - MAX_NAMES_IN_MESSAGE} more` : '';
  throw new HttpError(
    403,
    `You may not touch all of ${refused.slice(0, MAX_NAMES_IN_MESSAGE).join(', ')}${more}. Your groups may touch ${access.groups.flat().join(', ') || 'nothing'}. Name repositories of these, or ask an operator for the others (REPOSITORY_GROUPS).`,
  );
}
