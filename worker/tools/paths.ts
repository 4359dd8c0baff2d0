import { lstat, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isInGitFolder } from '../../core/tree-path.ts';
import { rawPath } from '../checkout/raw-path.ts';
import type { WorkTree } from '../checkout/work-tree.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { differences, fold, visible } from './near-miss.ts';
import { showPath, unquotePath } from './path-names.ts';
import { ToolError } from './tool.ts';

export type TreePath = {
  /** Absolute, with every symbolic link but the last name resolved. */
  absolute: string;
  /** From the top of the tree, with slashes; empty for the top itself. */
  relative: string;
};

/**
 * Resolves a path given by the model, following links within the tree. Throws ToolError if it leads out of the tree or into
 * git's own folder.
 */
export async function resolveInTree({ tree }: Pick<Workspace, 'tree'>, shown: string): Promise<TreePath> {
  const given = await unquoted(tree, shown);
  if (given.includes('\0'))
    throw new ToolError('The path holds a NUL character; give a path of the repository.');
  if (!given.isWellFormed())
    throw new ToolError('The path holds half of a surrogate pair; give the whole character.');
  const wanted = path.resolve(tree, given);
  refuseOutside(tree, wanted, given);
  const folder = await existingFolder(path.dirname(wanted));
  const absolute = wanted === tree ? tree : path.join(folder, path.basename(wanted));
  refuseOutside(tree, absolute, given);
  const relative = path.relative(tree, absolute).split(path.sep).join('/');
  if (isInGitFolder(given) || isInGitFolder(relative))
    throw new ToolError(
      `${given} belongs to git itself; only files of the repository can be read or changed.`,
    );
  return { absolute, relative };
}

type Place = { workspace: Pick<Workspace, 'tree'>; tree: Pick<WorkTree, 'submodules'> };

/** The submodule that contains the path, or is the path; undefined if there is none. */
export function submoduleOf(tree: Pick<WorkTree, 'submodules'>, relative: string): string | undefined {
  const names = relative.split('/');
  return names
    .map((_, i) => names.slice(0, i + 1).join('/'))
    .find((folder) => tree.submodules.has(rawPath(folder)));
}

/** Unquotes a path from a listing, unless a file has the quotes in its name. */
async function unquoted(tree: string, shown: string): Promise<string> {
  const given = unquotePath(shown);
  if (given === undefined) return shown;
  const asItIs = await lstat(path.resolve(tree, shown)).catch(() => undefined);
  return asItIs ? shown : given;
}

/** Resolves a path for reading. A link in the last name is followed too, within the tree. */
export async function resolveExisting(context: Place, given: string): Promise<TreePath> {
  const { workspace } = context;
  const found = await resolveInTree(workspace, given);
  const target = await realpath(found.absolute).catch(() => undefined);
  if (target === undefined) throw new ToolError(await thereIsNo(context, found, given));
  return resolveInTree(workspace, path.relative(workspace.tree, target) || '.');
}

/** The error message for a path that does not exist. */
export async function thereIsNo(
  { workspace, tree }: Place,
  { relative }: TreePath,
  given: string,
): Promise<string> {
  const submodule = submoduleOf(tree, relative);
  if (submodule !== undefined)
    return `There is no ${given}: ${submodule} is a submodule, another repository, whose files are not here.`;
  const near = await nearestPath(workspace.tree, relative);
  if (near === undefined || near === relative)
    return `There is no ${given}; look with list_files for the paths that exist.`;
  const shown = near.normalize('NFC') === near ? showPath(rawPath(near)) : visible(near);
  const said = [
    `There is no ${given}, but there is ${shown}.`,
    differences(near, relative, 'the path given'),
    `Give the path ${shown.startsWith('"') ? 'so, with its quotes' : 'so'}.`,
  ];
  return said.filter(Boolean).join(' ');
}

/** An existing path that looks like the given one; undefined if there is none. */
async function nearestPath(tree: string, relative: string): Promise<string | undefined> {
  let found = '';
  for (const name of relative.split('/')) {
    const names = await readdir(path.join(tree, found)).catch(() => []);
    const near = names.find((other) => other === name) ?? names.find((other) => alike(other) === alike(name));
    if (near === undefined) return undefined;
    found = path.posix.join(found, near);
  }
  return found;
}

function alike(name: string): string {
  return fold(name).toLowerCase();
}

function refuseOutside(tree: string, absolute: string, given: string): void {
  if (absolute !== tree && !absolute.startsWith(tree + path.sep))
    throw new ToolError(`${given} leads out of the repository; give a path inside it, such as src/index.ts.`);
}

/** The real path of a folder whose last names may not exist yet. */
async function existingFolder(folder: string): Promise<string> {
  try {
    const real = await realpath(folder);
    if ((await lstat(real)).isDirectory()) return real;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' || code === 'ELOOP') throw notAFolder(folder);
    if (code !== 'ENOENT') throw error;
    const link = await lstat(folder).catch(() => undefined);
    if (link)
      throw new ToolError(
        `${path.basename(folder)} is a symbolic link that leads nowhere; look with list_files for the paths that exist.`,
      );
    return path.join(await existingFolder(path.dirname(folder)), path.basename(folder));
  }
  throw notAFolder(folder);
}

function notAFolder(folder: string): ToolError {
  return new ToolError(`${path.basename(folder)} is not a folder; look with list_files.`);
}
