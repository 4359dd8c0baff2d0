/** Whether one of the globs matches a path of the tree. `docs` and `docs/` stand for everything below, too. */
export async function matchesAny(globs: readonly string[], file: string): Promise<boolean> {
  if (globs.length === 0) return false;
  // Loaded on demand: most jobs name no globs.
  const { Ignore } = await import('glob');
  const patterns = globs.flatMap((glob) => {
    const stem = glob.replace(/^\.?\/+/, '').replace(/\/+$/, '');
    return [stem, `${stem}/**`];
  });
  // Its matchers count names with a leading dot, as a rule about files must.
  return new Ignore(patterns, { platform: 'linux' } as ConstructorParameters<typeof Ignore>[1]).relative.some(
    (matcher) => matcher.match(file),
  );
}
