import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { matchesAny } from '../../core/globs.ts';
import type { JobSettings } from '../../core/job.ts';
import type { Workspace } from '../workspace.ts';
import { ToolError } from './tool.ts';

/** The largest file that the file tools open. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;

export type TreePath = {
  /** Absolute, with every symbolic link but the last name resolved. */
  absolute: string;
  /** From the top of the tree, with slashes; empty for the top itself. */
  relative: string;
};

/**
 * Finds a path of the model's in the work tree. Links on the way are followed, but not out of the tree.
 * Throws ToolError for what leaves it and for what git keeps to itself.
 */
export async function resolveInTree({ tree }: Pick<Workspace, 'tree'>, given: string): Promise<TreePath> {
  if (given.includes('\0'))
    throw new ToolError('The path holds a NUL character; give a path of the repository.');
  const wanted = path.resolve(tree, given);
  refuseOutside(tree, wanted, given);
  const folder = await existingFolder(path.dirname(wanted));
  const absolute = wanted === tree ? tree : path.join(folder, path.basename(wanted));
  refuseOutside(tree, absolute, given);
  const relative = path.relative(tree, absolute).split(path.sep).join('/');
  if ([...given.split('/'), ...relative.split('/')].some((name) => name.toLowerCase() === '.git'))
    throw new ToolError(
      `${given} belongs to git itself; only files of the repository can be read or changed.`,
    );
  return { absolute, relative };
}

/** For reading: the last name may be a link too, as long as it stays in the tree. */
export async function resolveExisting(workspace: Pick<Workspace, 'tree'>, given: string): Promise<TreePath> {
  const found = await resolveInTree(workspace, given);
  const target = await realpath(found.absolute).catch(() => undefined);
  if (target === undefined)
    throw new ToolError(`There is no ${given}; look with list_files for the paths that exist.`);
  return resolveInTree(workspace, path.relative(workspace.tree, target) || '.');
}

/** For changing: never through a link, and only where the job's settings let a change be made. */
export async function resolveWritable(
  workspace: Pick<Workspace, 'tree'>,
  given: string,
  { include, exclude }: Pick<JobSettings, 'include' | 'exclude'>,
  allow: { links?: boolean } = {},
): Promise<TreePath> {
  const found = await resolveInTree(workspace, given);
  if (found.relative === '') throw new ToolError(`${given} is the repository itself; name a file in it.`);
  const stats = await lstat(found.absolute).catch(() => undefined);
  if (stats?.isSymbolicLink() && !allow.links)
    throw new ToolError(
      `${given} is a symbolic link; change the file that it points to, or delete the link.`,
    );
  if (stats?.isDirectory()) throw new ToolError(`${given} is a folder; name a file.`);
  if (include.length > 0 && !(await matchesAny(include, found.relative)))
    throw new ToolError(`${given} may not be changed: this job changes only ${include.join(', ')}.`);
  if (await matchesAny(exclude, found.relative))
    throw new ToolError(`${given} may not be changed: this job leaves out ${exclude.join(', ')}.`);
  return found;
}

function refuseOutside(tree: string, absolute: string, given: string): void {
  if (absolute !== tree && !absolute.startsWith(tree + path.sep))
    throw new ToolError(`${given} leads out of the repository; give a path inside it, such as src/index.ts.`);
}

/** The real path of a folder of which the last names may not exist yet. */
async function existingFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' || code === 'ELOOP')
      throw new ToolError(`${path.basename(folder)} is not a folder; look with list_files.`);
    if (code !== 'ENOENT') throw error;
    return path.join(await existingFolder(path.dirname(folder)), path.basename(folder));
  }
}
