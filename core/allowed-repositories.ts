import { z } from 'zod';
import { parseRepositoryName } from './job.ts';
import { fitsPattern } from './repository-selector.ts';

/**
 * An entry of ALLOWED_REPOSITORIES: `owner/name`, in which `*` matches any characters of the owner or of the name. A
 * leading `!` makes it an exception.
 */
export const AllowedPattern = z
  .string()
  .regex(
    /^!?[A-Za-z0-9_*-]{1,62}\/[A-Za-z0-9._*-]{1,100}$/,
    'expected owner/name, in which * matches any characters, such as owner/*, owner/service-* or */docs; !owner/name is an exception',
  );

/**
 * Whether ALLOWED_REPOSITORIES allows `owner/name`, ignoring case as GitHub does. The last entry that matches decides; a
 * name without a match is not allowed. `owner/*` is allowed if any repository of the owner can be: each repository is
 * checked again by its name.
 */
export function isAllowed(allowed: readonly string[], repository: string): boolean {
  const { owner, name } = parseRepositoryName(repository);
  let admitted = false;
  for (const entry of allowed) {
    const isException = entry.startsWith('!');
    const pattern = parseRepositoryName(entry.replace('!', ''));
    if (!fitsPattern(pattern.owner, owner)) continue;
    const applies =
      name === '*'
        ? // An exception for some names leaves others of the owner, and an entry for one name does not allow the owner.
          isException
          ? pattern.name === '*'
          : pattern.name.includes('*')
        : fitsPattern(pattern.name, name);
    if (applies) admitted = !isException;
  }
  return admitted;
}
