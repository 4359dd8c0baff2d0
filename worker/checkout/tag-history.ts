import path from 'node:path';
import type { Workspace } from '../sandbox/workspace.ts';
import { type Clone, gitBaseUrl } from './clone.ts';

/** The commits and tags of a branch, without trees, for `git describe` and `git log`. */
export type TagHistory = {
  /** A bare repository in the worker's private folder. */
  folder: string;
  /** The object and the full name of each tag. */
  tags: readonly { objectId: string; ref: string }[];
  /** Whether the base commit is among the commits; it is not if the branch was force-pushed. */
  hasBase: boolean;
};

/**
 * Clones into a separate repository, because a fetch without trees would make the worker's a partial clone.
 */
export async function fetchTagHistory(
  workspace: Pick<Workspace, 'privateFolder'>,
  { git, remoteName, baseBranch, baseSha }: Pick<Clone, 'git' | 'remoteName' | 'baseBranch' | 'baseSha'>,
  request: { githubApiUrl: string; signal: AbortSignal },
): Promise<TagHistory> {
  const { githubApiUrl, signal } = request;
  const folder = path.join(workspace.privateFolder, 'history');
  const url = `${gitBaseUrl(githubApiUrl).href}${remoteName}.git`;
  const bare = ['--bare', '--filter=tree:0', '--single-branch', '--branch', baseBranch];
  await git.clone([...bare, '--', url, folder], { signal });
  const [listed, base] = await Promise.all([
    git.run(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/tags'], {
      gitFolder: folder,
      signal,
    }),
    git.run(['rev-list', '--max-count=1', baseSha, '--'], {
      gitFolder: folder,
      exitCodes: [0, 128],
      signal,
    }),
  ]);
  const tags = listed
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ objectId: line.slice(0, line.indexOf(' ')), ref: line.slice(line.indexOf(' ') + 1) }));
  return { folder, tags, hasBase: base.length > 0 };
}
