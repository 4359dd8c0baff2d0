/**
 * The names that patches have in an archive, in the order of the repositories. They are safe to extract on every system: one
 * folder, only letters, digits and `._-~`, no name of a device, and no two that differ only in case.
 */
export function fileNames(repositoryNames: readonly string[]): string[] {
  const taken = new Map<string, number>();
  return repositoryNames.map((repositoryName) => {
    const [owner = '', ...name] = repositoryName.split('/');
    // The owner comes first, so that a repository named `con` or `..` is neither a device nor a folder.
    const safe = `${safePart(owner).replaceAll('.', '-')}__${safePart(name.join('-'))}`;
    const times = (taken.get(safe.toLowerCase()) ?? 0) + 1;
    taken.set(safe.toLowerCase(), times);
    return times === 1 ? `${safe}.patch` : `${safe}~${times}.patch`;
  });
}

function safePart(part: string): string {
  return part.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 100);
}
