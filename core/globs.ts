export type GlobOptions = {
  /** Whether `A` matches `a`, as on a disk that ignores case. @default false */
  ignoreCase?: boolean;
};

/** Whether one of the globs matches a path of the tree. `docs` and `docs/` also match everything below. */
export async function matchesAny(
  globs: readonly string[],
  file: string,
  { ignoreCase = false }: GlobOptions = {},
): Promise<boolean> {
  if (globs.length === 0) return false;
  // Loaded on demand: most jobs name no globs.
  const { Ignore } = await import('glob');
  const patterns = globs.flatMap((glob) => [stemOf(glob), `${stemOf(glob)}/**`]);
  // Its matchers include names with a leading dot.
  const options = { platform: 'linux', nocase: ignoreCase } as ConstructorParameters<typeof Ignore>[1];
  return new Ignore(patterns, options).relative.some((matcher) => matcher.match(file));
}

/** The folder or file that contains every match of the glob: `a/b` of `a/b/*.ts`. Empty if its first part has a wildcard. */
export function placeOf(glob: string): string {
  const parts = stemOf(glob).split('/');
  const wild = parts.findIndex((part) => /[*?[\]{}()!+@\\]/.test(part));
  return (wild < 0 ? parts : parts.slice(0, wild)).join('/');
}

function stemOf(glob: string): string {
  return glob.replace(/^\.?\/+/, '').replace(/\/+$/, '');
}

/**
 * The number of globs that the braces expand to; for a range, at least that number. Each becomes a matcher, and `{a,b}`
 * fifty times would not fit into memory.
 */
export function alternativesOf(glob: string): number {
  type Group = { alternatives: number; current: number; text: string };
  const groups: Group[] = [{ alternatives: 0, current: 1, text: '' }];
  const close = () => {
    const { alternatives, current, text } = groups.pop()!;
    groups.at(-1)!.current *= Math.max(alternatives + current, rangeOf(text));
  };
  for (const [token] of glob.matchAll(/\\.|[\s\S]/g)) {
    const group = groups.at(-1)!;
    if (token === '{') groups.push({ alternatives: 0, current: 1, text: '' });
    else if (token === '}' && groups.length > 1) close();
    else if (token === ',' && groups.length > 1) {
      group.alternatives += group.current;
      group.current = 1;
    }
    group.text += token;
  }
  while (groups.length > 1) close();
  return groups[0]!.current;
}

/** `1..9` has 9 elements, `a..z` has 26. */
function rangeOf(text: string): number {
  const [, from, to] = /^\{?(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.|$)/.exec(text) ?? [];
  if (from === undefined || to === undefined) return 1;
  const numbers = [from, to].map((end) => (/\d/.test(end) ? Number(end) : end.charCodeAt(0)));
  return Math.abs(numbers[1]! - numbers[0]!) + 1;
}
