import { isTreePath } from '../names.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { GitHubError, notFound } from '../rest/github-error.ts';
import { base64Lines, wantsRaw } from './blobs.ts';
import { resolve } from './history.ts';
import { listTree, type TreeEntry } from './tree-listing.ts';

function kindOf({ mode, type }: TreeEntry): string {
  if (mode === '120000') return 'symlink';
  return { tree: 'dir', blob: 'file' }[type] ?? 'submodule';
}

/** A file with its content, or the entries of a folder, at `ref` (by default the default branch). */
async function getContents(call: RepositoryCall): Promise<Answer> {
  const { repository, params, query, url, htmlUrl, accept } = call;
  const path = (params.path ?? '').replace(/\/$/, '');
  if (await repository.isEmpty()) throw new GitHubError(404, 'This repository is empty.');
  const commit = await resolve(repository, query.get('ref') ?? 'HEAD', 'commit');
  if (!commit || (path !== '' && !isTreePath(path))) throw notFound();
  const entries = await listTree(repository, commit, ['-r', '-t']);
  const ref = query.get('ref') ?? commit;
  const describe = (entry: TreeEntry): Record<string, unknown> => {
    const links = {
      self: `${url}/contents/${encodeURI(entry.path)}?ref=${encodeURIComponent(ref)}`,
      git: entry.type === 'commit' ? null : `${url}/git/${entry.type}s/${entry.sha}`,
      html: entry.type === 'commit' ? null : `${htmlUrl}/${entry.type}/${ref}/${encodeURI(entry.path)}`,
    };
    return {
      type: kindOf(entry),
      name: entry.path.slice(entry.path.lastIndexOf('/') + 1),
      path: entry.path,
      sha: entry.sha,
      size: entry.size ?? 0,
      url: links.self,
      git_url: links.git,
      html_url: links.html,
      download_url: entry.type === 'blob' ? `${htmlUrl}/raw/${ref}/${encodeURI(entry.path)}` : null,
      _links: links,
    };
  };
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
  ['GET', '/contents', 'contents=read', getContents],
  ['GET', '/contents/{path*}', 'contents=read', getContents],
];
