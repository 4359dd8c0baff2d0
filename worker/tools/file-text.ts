import { readFile, stat } from 'node:fs/promises';
import { MAX_FILE_BYTES, type TreePath } from './paths.ts';
import { ToolError } from './tool.ts';

/** Reads a text file as bytes. Throws ToolError for what is no text file of a size that tools open. */
export async function readTextFile({ absolute, relative }: TreePath): Promise<Buffer> {
  const stats = await stat(absolute).catch(() => undefined);
  if (!stats) throw new ToolError(`There is no ${relative}; look with list_files for the paths that exist.`);
  if (stats.isDirectory())
    throw new ToolError(`${relative || '.'} is a folder; list_files shows what is in it.`);
  if (!stats.isFile()) throw new ToolError(`${relative} is not a regular file.`);
  if (stats.size > MAX_FILE_BYTES)
    throw new ToolError(
      `${relative} has ${stats.size} bytes; files of at most ${MAX_FILE_BYTES} are opened.`,
    );
  const bytes = await readFile(absolute);
  // git's own rule: a NUL in the first 8,000 bytes makes a file binary.
  if (bytes.subarray(0, 8000).includes(0)) throw new ToolError(`${relative} is a binary file.`);
  return bytes;
}
