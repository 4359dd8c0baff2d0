import type { BareRepository } from './bare-repository.ts';
import {
  type GitObject,
  type ObjectType,
  readLooseHeader,
  readLooseObject,
  writeLooseObject,
} from './loose-objects.ts';

/** Commits and trees read from packs, by repository: a pull request reads the same few several times. */
const packed = new WeakMap<BareRepository, Map<string, GitObject>>();
const MAX_KEPT = 200;
const MAX_KEPT_BYTES = 64 * 1024;

export const writeObject = (repository: BareRepository, object: GitObject): Promise<string> =>
  writeLooseObject(repository.gitFolder, object);

/** Returns undefined if the object does not exist. */
export async function readObject(repository: BareRepository, sha: string): Promise<GitObject | undefined> {
  const kept = packed.get(repository) ?? new Map<string, GitObject>();
  return (
    kept.get(sha) ??
    (await readLooseObject(repository.gitFolder, sha)) ??
    (await readPackedObject(repository, sha, kept))
  );
}

/** Reads a commit together with its tree, because the tree is read next. */
async function readPackedObject(
  repository: BareRepository,
  sha: string,
  kept: Map<string, GitObject>,
): Promise<GitObject | undefined> {
  const { stdout } = await repository.git(['cat-file', '--batch'], { input: `${sha}\n${sha}^{tree}\n` });
  let found: GitObject | undefined;
  for (let start = 0; start < stdout.length; ) {
    const end = stdout.indexOf('\n', start);
    const [name = '', type, size] = stdout.toString('latin1', start, end).split(' ');
    start = end + 1;
    // `missing` has no size: the object does not exist, or is a blob and has no tree.
    if (size === undefined) continue;
    const content = stdout.subarray(start, start + Number(size));
    start += content.length + 1;
    const object = { type: type as ObjectType, content };
    if (name === sha) found = object;
    if (object.type !== 'blob' && content.length <= MAX_KEPT_BYTES) {
      if (kept.size >= MAX_KEPT) kept.clear();
      packed.set(repository, kept.set(name, object));
    }
  }
  return found;
}

/** The types of those objects that exist, by SHA. */
export async function objectTypes(
  repository: BareRepository,
  shas: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  for (const sha of shas) {
    const known = packed.get(repository)?.get(sha) ?? (await readLooseHeader(repository.gitFolder, sha));
    if (known) types.set(sha, known.type);
  }
  const rest = shas.filter((sha) => !types.has(sha));
  if (rest.length === 0) return types;
  const { stdout } = await repository.git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    input: `${rest.join('\n')}\n`,
  });
  for (const line of stdout.toString().split('\n')) {
    const [sha, type] = line.split(' ');
    if (sha && type && type !== 'missing') types.set(sha, type);
  }
  return types;
}

export async function objectType(repository: BareRepository, sha: string): Promise<string | undefined> {
  return (await objectTypes(repository, [sha])).get(sha);
}
