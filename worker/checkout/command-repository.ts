import { constants } from 'node:fs';
import { copyFile, cp, mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RepositoryUnavailableError } from '../../core/errors.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import type { Clone } from './clone.ts';
import type { TagHistory } from './tag-history.ts';

/**
 * Makes `.git` in the tree for the commands: a repository that has only the base commit, in which `git
 * status` is clean. It is a copy, because a command may change it. The worker's git never reads it: its git
 * directory is elsewhere, and it ignores every path named `.git`.
 */
export async function makeCommandRepository(
  workspace: Pick<Workspace, 'tree' | 'gitFolder'>,
  { baseBranch, baseSha }: Pick<Clone, 'baseBranch' | 'baseSha'>,
  history?: TagHistory,
): Promise<void> {
  const folder = path.join(workspace.tree, '.git');
  const ours = (name: string) => path.join(workspace.gitFolder, name);
  const theirs = (name: string) => path.join(folder, name);
  // Fails if there is one; git never checks out a path of that name.
  await mkdir(folder);
  for (const name of ['info', 'refs']) await mkdir(theirs(name));
  try {
    await copyObjects(ours('objects'), theirs('objects'));
    if (history) await copyObjects(path.join(history.folder, 'objects'), theirs('objects'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    throw new RepositoryUnavailableError(
      "The disk is full: there is no room for the copy of the repository's objects that commands get. Give workers a larger disk (workerStorageGiB), or leave the repository out of the job.",
      { cause: error },
    );
  }
  const isShallow = !history?.hasBase && (await isShallowAt(ours('shallow'), baseSha));
  if (isShallow) await writeFile(theirs('shallow'), `${baseSha}\n`);
  await writeFile(theirs('config'), CONFIG);
  await copyFile(ours('info/attributes'), theirs('info/attributes'));
  // Packed, because a branch's name may be longer than a file name can be.
  const refs = [{ objectId: baseSha, ref: `refs/heads/${baseBranch}` }, ...(history?.tags ?? [])];
  await writeFile(theirs('packed-refs'), refs.map(({ objectId, ref }) => `${objectId} ${ref}\n`).join(''));
  await copyIndex(ours('index'), theirs('index'));
  await writeFile(theirs('HEAD'), `ref: refs/heads/${baseBranch}\n`);
}

const CONFIG = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logAllRefUpdates = true
	# The files change owner between commands, which changes their ctime but not their content.
	trustctime = false
	checkStat = minimal
[gc]
	# A background collection would be killed at the end of the command that started it.
	auto = 0
[maintenance]
	auto = false
[user]
	# For commands that stash or commit; nothing that they commit becomes part of the change.
	name = Cody Batch
	email = cody-batch@localhost
`;

/** The copy is copy-on-write if the file system supports that. */
async function copyObjects(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
}

/** Whether the clone has the commit without its parents. */
async function isShallowAt(file: string, baseSha: string): Promise<boolean> {
  const content = await readFile(file, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return content.split('\n').includes(baseSha);
}

/**
 * Keeps the modification time: git reads again all files that are not older than its index. It is rounded
 * down to whole seconds, so that git reads too many files rather than too few.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const written = Math.floor((await stat(from)).mtimeMs / 1000);
  await utimes(to, written, written);
}
