import { matcherOf } from './codeowners-pattern.ts';

/**
 * CODEOWNERS by GitHub's rules: the last line that matches a file says who owns it, and a line without owners says that
 * nobody does. https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
 */
export type CodeOwnersRule = { matches(file: string): boolean; owners: string[] };

/** Where GitHub looks, in this order; the first one there is the one it reads. */
export const CODEOWNERS_FILES = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'] as const;

/** Users as `login`, teams as `organization/team`. Owners by e-mail address cannot be asked for a review. */
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
    // GitHub passes over a line whose pattern it does not know.
    if (!matches) return [];
    const owners = names.flatMap((name) => /^@([\w-]+(?:\/[\w.-]+)?)$/.exec(name)?.[1] ?? []);
    return [{ matches, owners }];
  });
}

/** Words between blanks, of which a backslash makes a part of the word; a `#` that begins one ends the line. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:\\.|[^\s\\])+/g) ?? [];
  const comment = words.findIndex((word) => word.startsWith('#'));
  return comment < 0 ? words : words.slice(0, comment);
}
