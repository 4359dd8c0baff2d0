import { z } from 'zod';
import { AllowedPattern, isAllowed } from './allowed-repositories.ts';
import { parseRepositoryName } from './job.ts';
import { fitsPattern } from './repository-selector.ts';

/** REPOSITORY_GROUPS: the patterns of the repositories that each group of callers may touch. */
export const RepositoryGroups = z.record(z.string().min(1), z.array(AllowedPattern));
export type RepositoryGroups = z.infer<typeof RepositoryGroups>;

/** Which repositories a caller may see and work on. */
export type RepositoryAccess = {
  /** Whether nothing is hidden from the caller. */
  isAll: boolean;
  /** The patterns of each of the caller's groups; one group's exception takes nothing from another. */
  groups: readonly (readonly string[])[];
};

export const ALL_REPOSITORIES: RepositoryAccess = { isAll: true, groups: [['*/*']] };

/** The access of a caller in these groups. Without any group in the setting, every caller may touch all repositories. */
export function accessOfGroups(setting: RepositoryGroups, names: readonly string[]): RepositoryAccess {
  if (Object.keys(setting).length === 0) return ALL_REPOSITORIES;
  const groups = names.flatMap((name) => (Object.hasOwn(setting, name) ? [setting[name]!] : []));
  return { isAll: mayTouchAllOf({ isAll: false, groups }, '*/*'), groups };
}

export function mayTouch({ isAll, groups }: RepositoryAccess, repositoryName: string): boolean {
  return isAll || groups.some((patterns) => isAllowed(patterns, repositoryName));
}

/** Whether a pattern can match a repository that the caller may touch. False for a query such as `topic:x org:y`. */
export function mayTouchSomeOf(access: RepositoryAccess, pattern: string): boolean {
  return access.isAll || (AllowedPattern.safeParse(pattern).success && mayTouch(access, pattern));
}

/**
 * Whether the caller may touch every repository that a pattern can match. False for a query such as `topic:x org:y`, whose
 * matches cannot be told from its text.
 */
export function mayTouchAllOf({ isAll, groups }: RepositoryAccess, pattern: string): boolean {
  if (isAll) return true;
  if (!AllowedPattern.safeParse(pattern).success || pattern.startsWith('!')) return false;
  return groups.some((patterns) => coversPattern(patterns, pattern));
}

/** An exception could take any part of the pattern away, so a pattern is covered only by an entry behind the last one. */
function coversPattern(patterns: readonly string[], pattern: string): boolean {
  const isName = !pattern.includes('*');
  if (isName) return isAllowed(patterns, pattern);
  const afterExceptions = patterns.slice(patterns.findLastIndex((entry) => entry.startsWith('!')) + 1);
  return afterExceptions.some((entry) => {
    // Taken as text, a `*` of the pattern is matched by a `*` of the entry only.
    const [wanted, asked] = [parseRepositoryName(entry), parseRepositoryName(pattern)];
    return fitsPattern(wanted.owner, asked.owner) && fitsPattern(wanted.name, asked.name);
  });
}
