import { z } from 'zod';
import { isObjectId, isProtectedPath, isTreePath } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { notFound, unprocessable, validationFailed } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import { requirePermission } from '../strict/access.ts';
import { writeBlob } from './blobs.ts';
import { resolve } from './history.ts';
import { objectTypes } from './objects.ts';
import { TreeEdit, type TreeFile } from './tree-edit.ts';
import { listTree, type TreeEntry, TYPE_OF_MODE } from './tree-listing.ts';

/** https://docs.github.com/rest/git/trees: a recursive listing of more entries is truncated. */
const MAX_LISTED_ENTRIES = 100_000;

/** Workflows run with the repository's secrets, so writing them needs a further permission. */
const WORKFLOWS = '.github/workflows/';

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

const treeJson = (sha: string, entries: readonly TreeEntry[], url: string): object => ({
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

async function applyEntry(repository: Repository, edit: TreeEdit, entry: NewEntry): Promise<void> {
  const { mode, content } = entry;
  const path = Buffer.from(entry.path).toString('latin1').split('/');
  if (entry.sha !== null) {
    const sha = entry.sha ?? (await writeBlob(repository, Buffer.from(content ?? '')));
    await edit.set(path, { mode, sha });
  } else if (!(await edit.delete(path))) {
    throw unprocessable(`${entry.path} is not in base_tree and cannot be deleted`);
  }
}

/** The entries that were written, without sizes, which would need a read of each blob. */
const entriesOf = (entries: ReadonlyMap<string, TreeFile>): TreeEntry[] =>
  [...entries].map(([name, file]) => {
    const mode = file.mode.padStart(6, '0') as keyof typeof TYPE_OF_MODE;
    const path = Buffer.from(name, 'latin1').toString();
    return { mode, type: TYPE_OF_MODE[mode] ?? 'blob', sha: file.sha, size: undefined, path };
  });

async function createTree(call: RepositoryCall): Promise<Answer> {
  const { repository, url } = call;
  const { base_tree: base, tree } = parseBody(call, 'Tree', newTree);
  if (tree.some(({ path }) => path.startsWith(WORKFLOWS))) {
    requirePermission(call.caller, 'contents=write,workflows=write');
  }
  for (const { path, mode, sha, content } of tree) {
    const given = Number(sha !== undefined) + Number(content !== undefined);
    if (isProtectedPath(path, mode)) throw unprocessable('tree.path contains a malformed path component');
    if (given !== 1 || (content !== undefined && TYPE_OF_MODE[mode] !== 'blob')) {
      const message = `${path}: give either sha or content, and content for files only`;
      throw validationFailed({ resource: 'Tree', field: 'tree', code: 'invalid', message });
    }
  }
  const baseTree = base && (await resolve(repository, base, 'tree'));
  if (base && !baseTree) throw unprocessable('base_tree is not a valid tree');
  await requireObjects(repository, tree);
  const edit = await TreeEdit.from(repository, baseTree);
  for (const entry of tree) await applyEntry(repository, edit, entry);
  const { sha, entries } = await edit.write();
  const headers = { location: `${url}/git/trees/${sha}` };
  return { status: 201, headers, body: treeJson(sha, entriesOf(entries), url) };
}

async function getTree({ repository, params, query, url }: RepositoryCall): Promise<Answer> {
  const sha = await resolve(repository, params.tree ?? '', 'tree');
  if (!sha) throw notFound();
  // As on github.com, any value turns it on, even `0` and `false`.
  const entries = await listTree(repository, sha, query.has('recursive') ? ['-r', '-t'] : []);
  return { status: 200, body: treeJson(sha, entries, url) };
}

export const treeRoutes: readonly RepositoryRoute[] = [
  ['POST', '/git/trees', 'contents=write', createTree],
  ['GET', '/git/trees/{tree*}', 'contents=read', getTree],
];
