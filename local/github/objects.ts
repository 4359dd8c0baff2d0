import type { Repository } from './repository.ts';

/** The type of each object that exists, by its SHA. */
export async function objectTypes(
  repository: Repository,
  shas: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await repository.git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    input: `${shas.join('\n')}\n`,
  });
  const types = new Map<string, string>();
  for (const line of stdout.toString().split('\n')) {
    const [sha, type] = line.split(' ');
    if (sha && type && type !== 'missing') types.set(sha, type);
  }
  return types;
}

export async function objectType(repository: Repository, sha: string): Promise<string | undefined> {
  return (await objectTypes(repository, [sha])).get(sha);
}
