import { isObjectId, isRefName } from '../names.ts';
import type { BareRepository } from './bare-repository.ts';
import { readObject } from './objects.ts';

/** A commit's parents, which answer most questions about a change of one commit without a process. */
async function parentsOf(repository: BareRepository, sha: string): Promise<string[]> {
  const text = (await readObject(repository, sha))?.content.toString('latin1') ?? '';
  const headers = text.slice(0, text.indexOf('\n\n')).split('\n');
  return headers.filter((line) => line.startsWith('parent ')).map((line) => line.slice('parent '.length));
}

/** Whether `descendant` contains `ancestor`; both are names of commits that exist. */
export async function isAncestor(
  repository: BareRepository,
  ancestor: string,
  descendant: string,
): Promise<boolean> {
  if (ancestor === descendant || (await parentsOf(repository, descendant)).includes(ancestor)) return true;
  const args = ['merge-base', '--is-ancestor', ancestor, descendant];
  return (await repository.git(args, { exitCodes: [0, 1] })).exitCode === 0;
}

/** The newest common commit, or undefined where two histories share none. */
export async function mergeBase(
  repository: BareRepository,
  one: string,
  other: string,
): Promise<string | undefined> {
  if (one === other || (await parentsOf(repository, other)).includes(one)) return one;
  const { exitCode, stdout } = await repository.git(['merge-base', one, other], { exitCodes: [0, 1] });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

/** How many commits `to` has that `from` has not. */
export async function countCommits(repository: BareRepository, from: string, to: string): Promise<number> {
  const parents = await parentsOf(repository, to);
  if (parents.length === 1 && parents[0] === from) return 1;
  return Number((await repository.git(['rev-list', '--count', `${from}..${to}`])).stdout.toString());
}

/** The commits that `to` has and `from` has not, newest first. */
export async function listCommits(
  repository: BareRepository,
  to: string,
  options: { from: string; limit: number },
): Promise<string[]> {
  const args = ['rev-list', `--max-count=${options.limit}`, `${options.from}..${to}`];
  const { stdout } = await repository.git(args);
  return stdout.toString().split('\n').filter(Boolean);
}

/** The tree that merging makes, or undefined where it conflicts or the histories share no commit. */
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

/** The object that a branch, a tag, HEAD or an object's name stands for, peeled to `type`; undefined when none does. */
export async function resolve(
  repository: BareRepository,
  name: string,
  type: 'commit' | 'tree',
): Promise<string | undefined> {
  // What is a valid branch name cannot be an option or one of git's revision expressions.
  if (!isObjectId(name) && !isRefName(`refs/heads/${name}`) && !isRefName(name)) return undefined;
  if (isObjectId(name)) return peel(repository, name, type);
  const args = ['rev-parse', '--verify', '--quiet', `${name}^{${type}}`];
  const { exitCode, stdout } = await repository.git(args, { exitCodes: [0, 1, 128] });
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}
