export type GlobOptions = {
  /** Whether `A` stands for `a`, as on a disk that takes both for one name. @default false */
  ignoreCase?: boolean;
};

/** Whether one of the globs matches a path of the tree. `docs` and `docs/` stand for everything below, too. */
export async function matchesAny(
  globs: readonly string[],
  file: string,
  { ignoreCase = false }: GlobOptions = {},
): Promise<boolean> {
  if (globs.length === 0) return false;
  // Loaded on demand: most jobs name no globs.
  const { Ignore } = await import('glob');
  const patterns = globs.flatMap((glob) => [stemOf(glob), `${stemOf(glob)}/**`]);
  // Its matchers count names with a leading dot, as a rule about files must.
  const options = { platform: 'linux', nocase: ignoreCase } as ConstructorParameters<typeof Ignore>[1];
  return new Ignore(patterns, options).relative.some((matcher) => matcher.match(file));
}

/**
 * The folder, or the file, that every path of the glob lies in or is: `a/b` of `a/b/*.ts`. Empty where its first part
 * has a wildcard.
 */
export function placeOf(glob: string): string {
  const parts = stemOf(glob).split('/');
  const wild = parts.findIndex((part) => /[*?[\]{}()!+@\\]/.test(part));
  return (wild < 0 ? parts : parts.slice(0, wild)).join('/');
}

function stemOf(glob: string): string {
  return glob.replace(/^\.?\/+/, '').replace(/\/+$/, '');
}

/**
 * How many globs without braces it stands for, at least where a range is meant: a matcher is made of each, and `{a,b}` fifty
 * times over is more than memory holds.
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

/** `1..9` stands for 9, `a..z` for 26. */
function rangeOf(text: string): number {
  const [, from, to] = /^\{?(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.|$)/.exec(text) ?? [];
  if (from === undefined || to === undefined) return 1;
  const numbers = [from, to].map((end) => (/\d/.test(end) ? Number(end) : end.charCodeAt(0)));
  return Math.abs(numbers[1]! - numbers[0]!) + 1;
}
