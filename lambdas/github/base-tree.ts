import type { Octokit } from '@octokit/rest';
import type { ChangeSet } from '../../core/change-set.ts';
import { ancestorsOf, hasControlCharacters } from '../../core/tree-path.ts';
import type { Repository } from './base.ts';
import { refuse } from './change-set-rules.ts';

export type Entry = { path: string; mode: string; type: string; sha: string; size?: number };

/** A tree as GitHub lists it. */
export type Tree = {
  /** Returns undefined if there is nothing at the path. */
  at(path: string): Promise<Entry | undefined>;
  /** The paths of all files, links and submodules below a folder. */
  below(folder: string): Promise<string[]>;
  /** What is directly in a folder, by its name there; `''` is the root. Empty if it cannot be listed. */
  inside(folder: string): Promise<Entry[]>;
};

/**
 * Throws ChangeSetRefusedError if the change set does not fit the base's tree: if it replaces a folder or a file that it
 * does not delete, or reaches into a submodule.
 */
export async function requireFitting(tree: Tree, { files }: Pick<ChangeSet, 'files'>): Promise<void> {
  const deleted = new Set(files.flatMap(({ status, path }) => (status === 'deleted' ? [path] : [])));
  for (const { status, path } of files) {
    for (const folder of ancestorsOf(path)) {
      const above = await tree.at(folder);
      if (above?.type === 'commit') refuse(`names ${path}, which is inside the submodule ${folder}`);
      if (above?.type === 'blob' && !deleted.has(folder))
        refuse(`names ${path}, but ${folder} is a file and is not deleted`);
    }
    const there = await tree.at(path);
    if (there?.type === 'commit') refuse(`names ${path}, which is a submodule`);
    if (status === 'deleted') {
      if (!there) refuse(`deletes ${path}, which does not exist`);
      if (there?.type === 'tree') refuse(`deletes ${path}, which is a folder; only files can be deleted`);
    } else if (there?.type === 'tree') {
      const lost = (await tree.below(path)).filter((file) => !deleted.has(file));
      if (lost.length > 0) refuse(`replaces the folder ${path} with a file, but does not delete ${lost[0]}`);
    } else if (!there && hasControlCharacters(path)) {
      refuse(`adds ${JSON.stringify(path)}, a name with control characters`);
    }
  }
}

/** One call, unless the tree is too large to be listed at once. */
export async function readTree(github: Octokit, repository: Repository, treeSha: string): Promise<Tree> {
  const whole = await list(github, repository, treeSha, { recursive: true });
  // A truncated listing does not show which of the missing paths exist.
  return whole ? wholeTree(whole) : treeByFolder(github, repository, treeSha);
}

function wholeTree(entries: readonly Entry[]): Tree {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  return {
    at: async (path) => byPath.get(path),
    below: async (folder) =>
      entries.flatMap(({ path, type }) => (type !== 'tree' && path.startsWith(`${folder}/`) ? [path] : [])),
    inside: async (folder) => {
      const prefix = folder && `${folder}/`;
      return entries
        .filter(({ path }) => path.startsWith(prefix) && !path.includes('/', prefix.length))
        .map((entry) => ({ ...entry, path: entry.path.slice(prefix.length) }));
    },
  };
}

function treeByFolder(github: Octokit, repository: Repository, treeSha: string): Tree {
  const folders = new Map<string, Promise<Map<string, Entry>>>();
  const entriesOf = (path: string, sha: string) => {
    const known = folders.get(path) ?? listFolder(github, repository, path, sha);
    folders.set(path, known);
    return known;
  };
  const at = async (path: string): Promise<Entry | undefined> => {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? { type: 'tree', sha: treeSha } : await at(path.slice(0, slash));
    if (parent?.type !== 'tree') return undefined;
    return (await entriesOf(path.slice(0, Math.max(0, slash)), parent.sha)).get(path.slice(slash + 1));
  };
  return {
    at,
    async inside(folder) {
      const sha = folder === '' ? treeSha : (await at(folder))?.sha;
      return (sha && (await list(github, repository, sha, { recursive: false }))) || [];
    },
    async below(folder) {
      const { sha } = (await at(folder))!;
      const entries = await list(github, repository, sha, { recursive: true });
      if (!entries)
        return refuse(`replaces the folder ${folder} with a file, and the folder is too large to be listed`);
      return entries.flatMap(({ path, type }) => (type === 'tree' ? [] : [`${folder}/${path}`]));
    },
  };
}

async function listFolder(
  github: Octokit,
  repository: Repository,
  folder: string,
  sha: string,
): Promise<Map<string, Entry>> {
  const entries = await list(github, repository, sha, { recursive: false });
  if (!entries) return refuse(`names files in the folder ${folder || '/'}, which is too large to be listed`);
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/** Returns undefined if GitHub truncates the listing: after 100,000 entries, or 7 MB. */
async function list(
  github: Octokit,
  { owner, repo }: Repository,
  tree_sha: string,
  { recursive }: { recursive: boolean },
): Promise<Entry[] | undefined> {
  // Any value, even `false`, makes the listing recursive.
  const { data } = await github.rest.git.getTree({
    owner,
    repo,
    tree_sha,
    ...(recursive && { recursive: '1' }),
  });
  return data.truncated ? undefined : (data.tree as Entry[]);
}
