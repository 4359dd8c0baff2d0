import { accessSync, constants, lstatSync, type Stats } from 'node:fs';

/**
 * Paths as git lists them, which need not be UTF-8: strings of latin1, which keep every byte. Relative to the tree.
 */
export function legible(file: string): string {
  return Buffer.from(file, 'latin1').toString('utf8');
}

/** The path that `legible` shows as this one. */
export function rawPath(file: string): string {
  return Buffer.from(file, 'utf8').toString('latin1');
}

/** Undefined where nothing is, or nothing that can be looked at. */
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

/** The path to open a file by. */
export function absolutePath(tree: string, file: string): Buffer {
  return Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(file, 'latin1')]);
}
