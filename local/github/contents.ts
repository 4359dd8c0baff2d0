import type { Answer, RepositoryCall, RepositoryRoute } from './api.ts';
import { base64Lines, wantsRaw } from './blobs.ts';
import { notFound } from './github-error.ts';
import { resolve } from './history.ts';
import { isTreePath } from './names.ts';
import { listTree, type TreeEntry } from './trees.ts';

function kindOf({ mode, type }: TreeEntry): string {
  if (mode === '120000') return 'symlink';
  return { tree: 'dir', blob: 'file' }[type] ?? 'submodule';
}

/** A file with its content, or a folder's entries, at `ref` (the default branch when it is not given). */
async function getContents(call: RepositoryCall): Promise<Answer> {
  const { repository, params, query, url, accept } = call;
  const path = (params.path ?? '').replace(/\/$/, '');
  const commit = await resolve(repository, query.get('ref') ?? 'HEAD', 'commit');
  if (!commit || (path !== '' && !isTreePath(path))) throw notFound();
  const entries = await listTree(repository, commit, ['-r', '-t']);
  const describe = (entry: TreeEntry): Record<string, unknown> => ({
    type: kindOf(entry),
    name: entry.path.slice(entry.path.lastIndexOf('/') + 1),
    path: entry.path,
    sha: entry.sha,
    size: entry.size ?? 0,
    url: `${url}/contents/${encodeURI(entry.path)}?ref=${encodeURIComponent(query.get('ref') ?? commit)}`,
    git_url: entry.type === 'commit' ? null : `${url}/git/${entry.type}s/${entry.sha}`,
  });
  const entry = entries.find((other) => other.path === path);
  if (path === '' || entry?.type === 'tree') {
    const prefix = path === '' ? '' : `${path}/`;
    const inside = entries.filter(
      (other) => other.path.startsWith(prefix) && !other.path.slice(prefix.length).includes('/'),
    );
    return { status: 200, body: inside.map(describe) };
  }
  if (!entry) throw notFound();
  if (entry.type !== 'blob') return { status: 200, body: describe(entry) };
  const content = (await repository.git(['cat-file', 'blob', entry.sha])).stdout;
  if (wantsRaw(accept)) return { status: 200, body: content };
  return { status: 200, body: { ...describe(entry), encoding: 'base64', content: base64Lines(content) } };
}

export const contentRoutes: readonly RepositoryRoute[] = [
  ['GET', '/contents', getContents],
  ['GET', '/contents/{path*}', getContents],
];
