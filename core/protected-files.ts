import { matchesAny, placeOf } from './globs.ts';
import { foldPath } from './tree-path.ts';

/** Paths from which GitHub reads what runs with the repository's secrets, and who must review. */
const PROTECTED = ['.github/workflows', '.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'].map(foldPath);

/** Globs of protected files that the job may change, and of files that the environment protects in addition. */
export type Protection = { allowed: readonly string[]; more: readonly string[] };

/** The files that are protected and that the job does not allow. */
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

/** The files that `include` does not match, or `exclude` does. */
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
 * Whether a glob forbids a change of the file: the glob matches it, or matches it on a disk that folds names, or the file
 * would replace a folder that contains every match of the glob.
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
