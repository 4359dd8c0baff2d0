import { isUtf8 } from 'node:buffer';
import type { Octokit } from '@octokit/rest';
import type { ChangedFile, ChangeSet } from '../../core/change-set.ts';
import { ancestorsOf } from '../../core/tree-path.ts';
import type { Base, Repository } from './base.ts';

/** Text that is sent with the tree in one request; the rest is sent as blobs. */
const MAX_INLINE_BYTES = 1024 * 1024;

type TreeEntry = {
  path: string;
  mode: '100644' | '100755' | '120000';
  type: 'blob';
  sha?: string | null;
  content?: string;
};

/** Creates the tree of the base with the change set applied, and returns its SHA. One call if all files are short text. */
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
 * Whether JSON preserves these bytes: UTF-8 text, including its line ends and byte order mark. Empty files and files with
 * a NUL are sent as blobs, since GitHub documents neither for a tree's `content`.
 */
function isPlainText(content: Buffer): boolean {
  return content.length > 0 && isUtf8(content) && !content.includes(0);
}

/**
 * Leaves out deletions that an addition implies: a file replaced by a folder, and the files of a folder replaced by a
 * file. In one tree, their order would matter.
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
