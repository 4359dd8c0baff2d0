import { chmod, mkdir, mkdtemp, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MAX_FILE_BYTES } from '../limits.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { FileForm } from './file-form.ts';
import type { TreePath } from './paths.ts';
import { ToolError } from './tool.ts';
import { refuseInconvertible, type WriteContext } from './writable.ts';

/** git reads these files whole, and needs many times their size in memory. */
const RULES = ['.gitignore', '.gitattributes'];
const MAX_RULES_BYTES = 1024 * 1024;

/** Reads a text file. Throws ToolError if it is binary, or as `readBytes` does. */
export async function readForm(file: TreePath): Promise<FileForm> {
  const form = FileForm.of(await readBytes(file));
  if (!form)
    throw new ToolError(`${file.relative} is a binary file. Only move_file and delete_file take it.`);
  return form;
}

/** Throws ToolError if there is no regular file or it is larger than MAX_FILE_BYTES. */
export async function readBytes({ absolute, relative }: TreePath): Promise<Buffer> {
  const stats = await stat(absolute).catch(() => undefined);
  if (!stats) throw new ToolError(`There is no ${relative}; look with list_files for the paths that exist.`);
  if (stats.isDirectory())
    throw new ToolError(`${relative || '.'} is a folder; list_files shows what is in it.`);
  if (!stats.isFile()) throw new ToolError(`${relative} is not a regular file.`);
  if (stats.size > MAX_FILE_BYTES)
    throw new ToolError(
      `${relative} has ${stats.size} bytes; files of at most ${MAX_FILE_BYTES} are opened.`,
    );
  return readFile(absolute);
}

/** Writes a file resolved by `resolveWritable`. Throws ToolError if `bytes` is too large, or undefined because it would be. */
export async function writeBytes(
  context: WriteContext,
  file: TreePath,
  bytes: Buffer | undefined,
  executable?: boolean,
): Promise<void> {
  const most = RULES.includes(path.basename(file.relative)) ? MAX_RULES_BYTES : MAX_FILE_BYTES;
  if (!bytes || bytes.length > most)
    throw new ToolError(
      `${file.relative} would have ${bytes ? bytes.length : `more than ${MAX_FILE_BYTES}`} bytes; at most ${most} are written there.`,
    );
  await refuseInconvertible(context, file, bytes);
  await replaceFile(context.workspace, file, bytes, executable);
}

/**
 * Writes to a temporary file outside the tree and renames it, so that hard links keep the old content and the file is never
 * incomplete. An existing file keeps its mode.
 */
async function replaceFile(
  { privateFolder }: Pick<Workspace, 'privateFolder'>,
  { absolute }: TreePath,
  bytes: Buffer,
  executable: boolean | undefined,
): Promise<void> {
  const before = await stat(absolute).catch(() => undefined);
  const folder = await mkdtemp(path.join(privateFolder, 'write-'));
  try {
    const written = path.join(folder, 'file');
    await writeFile(written, bytes);
    const { mode } = before ?? (await stat(written));
    await chmod(written, withExecutable(mode, executable));
    await rename(written, absolute);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The mode with the executable bit set or cleared for everyone who may read the file; unchanged if undefined. */
export function withExecutable(mode: number, executable: boolean | undefined): number {
  const permissions = mode & 0o777;
  if (executable === undefined) return permissions;
  return executable ? permissions | ((permissions & 0o444) >> 2) : permissions & ~0o111;
}

/** Throws ToolError if one of the folders is a file. */
export async function makeFolder({ absolute }: TreePath, given: string): Promise<void> {
  try {
    await mkdir(path.dirname(absolute), { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    throw new ToolError(`A folder of ${given} cannot be made: a file has its name. Look with list_files.`);
  }
}

/** Removes the folders that became empty, since git does not store them. */
export async function removeEmptyFolders(
  { tree }: Pick<Workspace, 'tree'>,
  { absolute }: TreePath,
): Promise<void> {
  for (let folder = path.dirname(absolute); folder !== tree; folder = path.dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      // The folder has other files.
      return;
    }
  }
}
