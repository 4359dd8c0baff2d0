import { accessSync, constants, lstatSync, type Stats } from 'node:fs';

/**
 * Decodes a raw path. git's paths need not be UTF-8, so raw paths are latin1 strings, which keep every byte;
 * they are relative to the tree.
 */
export function legible(file: string): string {
  return Buffer.from(file, 'latin1').toString('utf8');
}

/** The inverse of `legible`. */
export function rawPath(file: string): string {
  return Buffer.from(file, 'utf8').toString('latin1');
}

/** Returns undefined if there is no such file, or if it cannot be read. */
export function statsOf(tree: string, file: string): Stats | undefined {
  try {
    return lstatSync(absolutePath(tree, file));
  } catch {
    return undefined;
  }
}

export function isReadable(tree: string, file: string): boolean {
  try {
    accessSync(absolutePath(tree, file), constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Returns the path to open a file with. */
export function absolutePath(tree: string, file: string): Buffer {
  return Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(file, 'latin1')]);
}
