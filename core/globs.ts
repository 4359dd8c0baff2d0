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
