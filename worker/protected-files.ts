import { matchesAny } from './globs.ts';

/** Files that decide what runs with the repository's secrets, or who must review: GitHub reads them from these places. */
const PROTECTED = ['.github/workflows/', '.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'];

/** Those of the files that are protected and that the job does not allow. */
export async function protectedFiles(
  files: readonly string[],
  allowed: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const isProtected = PROTECTED.some((name) =>
      name.endsWith('/') ? file.startsWith(name) : file === name,
    );
    if (isProtected && !(await matchesAny(allowed, file))) found.push(file);
  }
  return found;
}
