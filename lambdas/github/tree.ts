import { isUtf8 } from 'node:buffer';
import type { Octokit } from '@octokit/rest';
import type { ChangedFile, ChangeSet } from '../../core/change-set.ts';
import { ancestorsOf } from '../../core/tree-path.ts';
import type { Base, Repository } from './base.ts';

/** Text that goes along with the tree, in one request; more than this goes as blobs. */
const MAX_INLINE_BYTES = 1024 * 1024;

type TreeEntry = {
  path: string;
  mode: '100644' | '100755' | '120000';
  type: 'blob';
  sha?: string | null;
  content?: string;
};

/** Makes the tree that the change set gives on the base, and returns its SHA. One call where all of it is text. */
export async function writeTree(
  github: Octokit,
  { owner, repo }: Repository,
  base: Base,
  { files }: ChangeSet,
): Promise<string> {
  const tree: TreeEntry[] = [];
  let inline = 0;
  for (const file of withoutReplaced(files)) {
    const { path } = file;
    if (file.status === 'deleted') {
      tree.push({ path, mode: '100644', type: 'blob', sha: null });
      continue;
    }
    const { mode } = file;
    const content = Buffer.from(file.content, 'base64');
    if (isPlainText(content) && inline + content.length <= MAX_INLINE_BYTES) {
      inline += content.length;
      tree.push({ path, mode, type: 'blob', content: content.toString('utf8') });
    } else {
      const blob = { owner, repo, content: file.content, encoding: 'base64' };
      const { data } = await github.rest.git.createBlob(blob);
      tree.push({ path, mode, type: 'blob', sha: data.sha });
    }
  }
  const { data } = await github.rest.git.createTree({ owner, repo, base_tree: base.treeSha, tree });
  return data.sha;
}

/**
 * Whether JSON carries these bytes as they are: text in UTF-8, line ends and byte order mark included. An empty file and
 * one with a NUL go as blobs, as GitHub documents neither for a tree's `content`.
 */
function isPlainText(content: Buffer): boolean {
  return content.length > 0 && isUtf8(content) && !content.includes(0);
}

/**
 * Without the deletions that an addition implies: of a file that became a folder, and of a folder's files where it
 * became a file. In one tree, their order would matter.
 */
function withoutReplaced(files: readonly ChangedFile[]): ChangedFile[] {
  const present = files.filter(({ status }) => status !== 'deleted').map(({ path }) => path);
  const added = new Set(present);
  const folders = new Set(present.flatMap(ancestorsOf));
  return files.filter(
    ({ status, path }) =>
      status !== 'deleted' || !(folders.has(path) || ancestorsOf(path).some((folder) => added.has(folder))),
  );
}
