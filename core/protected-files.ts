import { matchesAny, placeOf } from './globs.ts';
import { foldPath } from './tree-path.ts';

/** Places that decide what runs with the repository's secrets, or who must review: GitHub reads them from there. */
const PROTECTED = ['.github/workflows', '.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'].map(foldPath);

/** Globs of what a job may change all the same, and of what the environment protects beside GitHub's own places. */
export type Protection = { allowed: readonly string[]; more: readonly string[] };

/** Those of the files that are protected and that the job does not allow. */
export async function protectedFiles(
  files: readonly string[],
  { allowed, more }: Protection,
): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const isProtected =
      PROTECTED.some((place) => touches(foldPath(file), place)) || (await guards(more, file));
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
    if (!included || (await guards(exclude, file))) outside.push(file);
  }
  return outside;
}

/**
 * Whether a rule against changes stands in the way of a file: some disk takes it for one that the globs name, or it would
 * take the place of a folder that all of a glob lies in.
 */
async function guards(globs: readonly string[], file: string): Promise<boolean> {
  if (globs.length === 0) return false;
  const folded = foldPath(file);
  const places = globs.map((glob) => foldPath(placeOf(glob)));
  if (places.some((place) => place === folded || isAbove(folded, place))) return true;
  const ignoreCase = { ignoreCase: true };
  return (await matchesAny(globs, file, ignoreCase)) || (await matchesAny(globs, folded, ignoreCase));
}

function touches(file: string, place: string): boolean {
  return file === place || isAbove(place, file) || isAbove(file, place);
}

function isAbove(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`);
}
