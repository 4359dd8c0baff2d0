import { matchesAny } from './globs.ts';

/** Files that decide what runs with the repository's secrets, or who must review: GitHub reads them from these places. */
const PROTECTED = ['.github/workflows/', '.github/codeowners', 'codeowners', 'docs/codeowners'];

/** Globs of what a job may change all the same, and of what the environment protects beside GitHub's own places. */
export type Protection = { allowed: readonly string[]; more: readonly string[] };

/** Those of the files that are protected and that the job does not allow. */
export async function protectedFiles(
  files: readonly string[],
  { allowed, more }: Protection,
): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    // On a disk that folds case, `.GitHub/Workflows/` is the same place.
    const folded = file.toLowerCase();
    const known = PROTECTED.some((name) => (name.endsWith('/') ? folded.startsWith(name) : folded === name));
    const isProtected = known || (await matchesAny(more, file));
    if (isProtected && !(await matchesAny(allowed, file))) found.push(file);
  }
  return found;
}

/** Those of the files that `include` leaves out or `exclude` names. */
export async function filesOutside(
  files: readonly string[],
  { include, exclude }: { include: readonly string[]; exclude: readonly string[] },
): Promise<string[]> {
  const outside: string[] = [];
  for (const file of files) {
    const included = include.length === 0 || (await matchesAny(include, file));
    if (!included || (await matchesAny(exclude, file))) outside.push(file);
  }
  return outside;
}
