import type { BareRepository } from './bare-repository.ts';
import { readLooseHeader, readLooseObject } from './loose-objects.ts';
import { parseTree } from './tree-edit.ts';

export const TYPE_OF_MODE = {
  '100644': 'blob',
  '100755': 'blob',
  '120000': 'blob',
  '040000': 'tree',
  '160000': 'commit',
};

export type TreeEntry = { mode: string; type: string; sha: string; size: number | undefined; path: string };

/** Larger trees are rather listed by one process of git than by reading a file for each entry. */
const MAX_ENTRIES_READ = 200;

/** The entries of a tree or of a commit's tree; `-r` includes those of its folders, `-t` the folders themselves. */
export async function listTree(
  repository: BareRepository,
  sha: string,
  options: readonly ('-r' | '-t')[] = [],
): Promise<TreeEntry[]> {
  if (options.includes('-r') === options.includes('-t')) {
    const entries: TreeEntry[] = [];
    if (await addLoose(repository, sha, '', options.includes('-r'), entries)) return entries;
  }
  const { stdout } = await repository.git(['ls-tree', '-z', '-l', ...options, sha]);
  return stdout
    .toString()
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const tab = line.indexOf('\t');
      const [mode = '', type = '', entry = '', size] = line.slice(0, tab).split(/ +/);
      return {
        mode,
        type,
        sha: entry,
        size: size === '-' ? undefined : Number(size),
        path: line.slice(tab + 1),
      };
    });
}

/** Adds the entries of a tree in git's order. Returns false if an object is in a pack, or if there are too many. */
async function addLoose(
  repository: BareRepository,
  sha: string,
  prefix: string,
  isRecursive: boolean,
  entries: TreeEntry[],
): Promise<boolean> {
  const tree = await readLooseObject(repository.gitFolder, sha);
  const [, ofCommit] = (tree?.type === 'commit' && /^tree (\w{40})$/m.exec(String(tree.content))) || [];
  if (ofCommit) return addLoose(repository, ofCommit, prefix, isRecursive, entries);
  if (tree?.type !== 'tree') return false;
  for (const [name, file] of parseTree(tree.content)) {
    if (entries.length === MAX_ENTRIES_READ) return false;
    const mode = file.mode.padStart(6, '0') as keyof typeof TYPE_OF_MODE;
    const type = TYPE_OF_MODE[mode];
    const header = type === 'blob' ? await readLooseHeader(repository.gitFolder, file.sha) : undefined;
    if (!type || (type === 'blob' && !header)) return false;
    const path = `${prefix}${Buffer.from(name, 'latin1')}`;
    entries.push({ mode, type, sha: file.sha, size: header?.size, path });
    if (isRecursive && type === 'tree' && !(await addLoose(repository, file.sha, `${path}/`, true, entries)))
      return false;
  }
  return true;
}
