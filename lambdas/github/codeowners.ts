import { matcherOf } from './codeowners-pattern.ts';

/**
 * A line of CODEOWNERS. By GitHub's rules the last line that matches a file decides, and a line without owners means that
 * the file has none: https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
 */
export type CodeOwnersRule = { matches(file: string): boolean; owners: string[] };

/** GitHub reads the first of these that exists. */
export const CODEOWNERS_FILES = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'] as const;

/** Users as `login`, teams as `organization/team`. Owners given by e-mail address are left out: they cannot be reviewers. */
export function ownersOf(codeOwners: string, files: readonly string[]): string[] {
  const rules = parseCodeOwners(codeOwners).reverse();
  const owners = files.flatMap((file) => rules.find(({ matches }) => matches(file))?.owners ?? []);
  return [...new Set(owners)].sort();
}

export function parseCodeOwners(text: string): CodeOwnersRule[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [pattern, ...names] = wordsOf(line);
    if (pattern === undefined) return [];
    const matches = matcherOf(pattern);
    // GitHub skips a line with an invalid pattern.
    if (!matches) return [];
    const owners = names.flatMap((name) => /^@([\w-]+(?:\/[\w.-]+)?)$/.exec(name)?.[1] ?? []);
    return [{ matches, owners }];
  });
}

/** Words separated by blanks that no backslash escapes; a word that begins with `#` starts a comment. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:\\.|[^\s\\])+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith('#'));
  return comment < 0 ? words : words.slice(0, comment);
}
