import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Answer, parseBody, type RepositoryCall, type RepositoryRoute } from './api.ts';
import { writeBlob } from './blobs.ts';
import { notFound, unprocessable, validationFailed } from './github-error.ts';
import { resolve } from './history.ts';
import { isObjectId, isTreePath } from './names.ts';
import { objectTypes } from './objects.ts';
import type { Repository } from './repository.ts';

/** https://docs.github.com/rest/git/trees: a recursive listing of more entries is truncated. */
const MAX_LISTED_ENTRIES = 100_000;

const TYPE_OF_MODE = {
  '100644': 'blob',
  '100755': 'blob',
  '120000': 'blob',
  '040000': 'tree',
  '160000': 'commit',
};

const objectId = z.string().refine(isObjectId, 'a SHA of 40 lower-case hexadecimal digits');

const newTree = z.object({
  base_tree: objectId.optional(),
  tree: z.array(
    z.object({
      path: z.string().refine(isTreePath, 'a relative path without empty, `.`, `..` or `.git` parts'),
      mode: z.enum(['100644', '100755', '120000', '040000', '160000']),
      sha: objectId.nullable().optional(),
      content: z.string().optional(),
    }),
  ),
});

export type TreeEntry = { mode: string; type: string; sha: string; size: number | undefined; path: string };
type IndexEntry = Pick<TreeEntry, 'mode' | 'sha'>;

/**
 * The entries of a tree; with `-r` also those below it, and with `-t` the folders between. A path is bytes that need not
 * be UTF-8: `latin1` gives one character a byte, which loses none.
 */
export async function listTree(
  repository: Repository,
  sha: string,
  options: readonly ('-r' | '-t')[] = [],
  encoding: 'utf8' | 'latin1' = 'utf8',
): Promise<TreeEntry[]> {
  const { stdout } = await repository.git(['ls-tree', '-z', '-l', ...options, sha]);
  return stdout
    .toString(encoding)
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

export const treeJson = (sha: string, entries: readonly TreeEntry[], url: string): object => ({
  sha,
  url: `${url}/git/trees/${sha}`,
  tree: entries.slice(0, MAX_LISTED_ENTRIES).map((entry) => ({
    path: entry.path,
    mode: entry.mode,
    type: entry.type,
    sha: entry.sha,
    ...(entry.size !== undefined && { size: entry.size }),
    ...(entry.type !== 'commit' && { url: `${url}/git/${entry.type}s/${entry.sha}` }),
  })),
  truncated: entries.length > MAX_LISTED_ENTRIES,
});

/** Files by path, one character a byte, so that names that are not UTF-8 pass from a base tree unharmed. */
type FlatTree = Map<string, IndexEntry>;

const flatten = (repository: Repository, tree: string): Promise<TreeEntry[]> =>
  listTree(repository, tree, ['-r'], 'latin1');

/** An index of its own per call turns a flat list of paths into trees, by git's own rules. */
export async function writeTree(repository: Repository, entries: FlatTree): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cody-batch-index-'));
  try {
    const environment = { GIT_INDEX_FILE: join(folder, 'index') };
    const lines = [...entries].map(([path, { mode, sha }]) => `${mode} ${sha}\t${path}\0`);
    const input = Buffer.from(lines.join(''), 'latin1');
    const { stderr } = await repository.git(['update-index', '-z', '--index-info'], { input, environment });
    // git passes over a path that some file system would take for .git, and says so on standard error only.
    if (stderr.includes('Ignoring path'))
      throw unprocessable('tree.path contains a malformed path component');
    return (await repository.git(['write-tree'], { environment })).stdout.toString().trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what an entry at `path` would replace: the same path, and all below it. */
function removeAt(entries: FlatTree, path: string): boolean {
  const found = entries.delete(path);
  const below = [...entries.keys()].filter((other) => other.startsWith(`${path}/`));
  for (const other of below) entries.delete(other);
  return found || below.length > 0;
}

type NewEntry = z.infer<typeof newTree>['tree'][number];

async function requireObjects(repository: Repository, entries: readonly NewEntry[]): Promise<void> {
  const named = entries.filter(({ sha, mode }) => sha && mode !== '160000');
  const types = await objectTypes(
    repository,
    named.map(({ sha }) => sha ?? ''),
  );
  for (const { sha, mode } of named) {
    if (types.get(sha ?? '') !== TYPE_OF_MODE[mode]) {
      throw unprocessable(`tree.sha ${sha} is not a valid ${TYPE_OF_MODE[mode]}`);
    }
  }
}

async function applyEntry(repository: Repository, entries: FlatTree, entry: NewEntry): Promise<void> {
  const { mode, content } = entry;
  const path = Buffer.from(entry.path).toString('latin1');
  const existed = removeAt(entries, path);
  if (entry.sha === null) {
    if (!existed) throw unprocessable(`${entry.path} is not in base_tree and cannot be deleted`);
  } else if (mode === '040000') {
    for (const file of await flatten(repository, entry.sha ?? '')) {
      entries.set(`${path}/${file.path}`, file);
    }
  } else {
    const sha = entry.sha ?? (await writeBlob(repository, Buffer.from(content ?? '')));
    entries.set(path, { mode, sha });
  }
}

async function createTree(call: RepositoryCall): Promise<Answer> {
  const { repository, url } = call;
  const { base_tree: base, tree } = parseBody(call, 'Tree', newTree);
  for (const { path, mode, sha, content } of tree) {
    const given = Number(sha !== undefined) + Number(content !== undefined);
    if (given !== 1 || (content !== undefined && TYPE_OF_MODE[mode] !== 'blob')) {
      const message = `${path}: give either sha or, for a file, content`;
      throw validationFailed({ resource: 'Tree', field: 'tree', code: 'invalid', message });
    }
  }
  const baseTree = base && (await resolve(repository, base, 'tree'));
  if (base && !baseTree) throw unprocessable('base_tree is not a valid tree');
  await requireObjects(repository, tree);
  const entries: FlatTree = new Map();
  if (baseTree) for (const file of await flatten(repository, baseTree)) entries.set(file.path, file);
  for (const entry of tree) await applyEntry(repository, entries, entry);
  const sha = await writeTree(repository, entries);
  const headers = { location: `${url}/git/trees/${sha}` };
  return { status: 201, headers, body: treeJson(sha, await listTree(repository, sha), url) };
}

async function getTree({ repository, params, query, url }: RepositoryCall): Promise<Answer> {
  const sha = await resolve(repository, params.tree ?? '', 'tree');
  if (!sha) throw notFound();
  // As on github.com, any value asks for it, `0` and `false` included.
  const entries = await listTree(repository, sha, query.has('recursive') ? ['-r', '-t'] : []);
  return { status: 200, body: treeJson(sha, entries, url) };
}

export const treeRoutes: readonly RepositoryRoute[] = [
  ['POST', '/git/trees', 'contents=write', createTree],
  ['GET', '/git/trees/{tree*}', 'contents=read', getTree],
];
