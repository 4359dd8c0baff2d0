import { z } from 'zod';
import { parseRepositoryName } from './job.ts';

/**
 * An entry of ALLOWED_REPOSITORIES: `owner/name`, in which `*` stands for any characters of the owner or of the name, and
 * which a leading `!` makes an exception.
 */
export const AllowedPattern = z
  .string()
  .regex(
    /^!?[A-Za-z0-9_*-]{1,62}\/[A-Za-z0-9._*-]{1,100}$/,
    'expected owner/name, in which * stands for any characters, such as owner/*, owner/service-* or */docs; !owner/name is an exception',
  );

/**
 * Whether ALLOWED_REPOSITORIES admits `owner/name`. The last entry that matches decides; a name that no entry matches is
 * not admitted. `owner/*` is admitted if any repository of that owner may be: each one is checked again by its own name.
 * GitHub's names ignore case.
 */
export function isAllowed(allowed: readonly string[], repository: string): boolean {
  const { owner, name } = parseRepositoryName(repository);
  let admitted = false;
  for (const entry of allowed) {
    const isException = entry.startsWith('!');
    const pattern = parseRepositoryName(entry.replace('!', ''));
    if (!matches(pattern.owner, owner)) continue;
    const applies =
      name === '*'
        ? // An exception of some names leaves others of the owner, and a name alone is not the owner's.
          isException
          ? pattern.name === '*'
          : pattern.name.includes('*')
        : matches(pattern.name, name);
    if (applies) admitted = !isException;
  }
  return admitted;
}

function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.]/g, '\\.'));
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(text);
}
