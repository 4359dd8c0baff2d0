import { isObjectId, isRefName } from '../names.ts';
import type { BareRepository } from './bare-repository.ts';
import { readObject } from './objects.ts';

/** A commit's parents. For a branch of one commit they answer the questions below without a git process. */
async function parentsOf(repository: BareRepository, sha: string): Promise<string[]> {
  const text = (await readObject(repository, sha))?.content.toString('latin1') ?? '';
  const headers = text.slice(0, text.indexOf('\n\n')).split('\n');
  return headers.filter((line) => line.startsWith('parent ')).map((line) => line.slice('parent '.length));
}

/** Whether `descendant` contains `ancestor`; both must be existing commits. */
export async function isAncestor(
  repository: BareRepository,
  ancestor: string,
  descendant: string,
): Promise<boolean> {
  if (ancestor === descendant || (await parentsOf(repository, descendant)).includes(ancestor)) return true;
  const args = ['merge-base', '--is-ancestor', ancestor, descendant];
  return (await repository.git(args, { exitCodes: [0, 1] })).exitCode === 0;
}

/** The newest common commit. Returns undefined if the histories share none. */
export async function mergeBase(
  repository: BareRepository,
  one: string,
  other: string,
): Promise<string | undefined> {
  if (one === other || (await parentsOf(repository, other)).includes(one)) return one;
  const { exitCode, stdout } = await repository.git(['merge-base', one, other], { exitCodes: [0, 1] });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

/** The number of commits in `to` that are not in `from`. */
export async function countCommits(repository: BareRepository, from: string, to: string): Promise<number> {
  const parents = await parentsOf(repository, to);
  if (parents.length === 1 && parents[0] === from) return 1;
  return Number((await repository.git(['rev-list', '--count', `${from}..${to}`])).stdout.toString());
}

/** The commits in `to` that are not in `from`, newest first. */
export async function listCommits(
  repository: BareRepository,
  to: string,
  options: { from: string; limit: number },
): Promise<string[]> {
  const args = ['rev-list', `--max-count=${options.limit}`, `${options.from}..${to}`];
  const { stdout } = await repository.git(args);
  return stdout.toString().split('\n').filter(Boolean);
}

/** The tree of a merge. Returns undefined if it conflicts or the histories share no commit. */
export async function mergedTree(
  repository: BareRepository,
  base: string,
  head: string,
): Promise<string | undefined> {
  const args = ['merge-tree', '--write-tree', '--no-messages', base, head];
  const { exitCode, stdout } = await repository.git(args, { exitCodes: [0, 1, 128] });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

async function peel(
  repository: BareRepository,
  sha: string,
  type: 'commit' | 'tree',
): Promise<string | undefined> {
  const object = await readObject(repository, sha);
  if (!object || object.type === type) return object && sha;
  const target = { commit: /^tree (\w{40})$/m, tag: /^object (\w{40})$/m, tree: undefined, blob: undefined }[
    object.type
  ];
  if (!target || (object.type === 'commit' && type === 'commit')) return undefined;
  const [, next] = target.exec(object.content.toString('latin1')) ?? [];
  return next && peel(repository, next, type);
}

/**
 * Resolves a branch, a tag, HEAD or an object id, peeled to `type`. Returns undefined if there is no such
 * object.
 */
export async function resolve(
  repository: BareRepository,
  name: string,
  type: 'commit' | 'tree',
): Promise<string | undefined> {
  // A valid branch name cannot be an option or a revision expression of git.
  if (!isObjectId(name) && !isRefName(`refs/heads/${name}`) && !isRefName(name)) return undefined;
  if (isObjectId(name)) return peel(repository, name, type);
  const args = ['rev-parse', '--verify', '--quiet', `${name}^{${type}}`];
  const { exitCode, stdout } = await repository.git(args, { exitCodes: [0, 1, 128] });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}
