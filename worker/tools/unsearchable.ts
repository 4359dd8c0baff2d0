import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { Git } from '../git.ts';
import { absolutePath, legible } from '../raw-path.ts';
import type { WorkTree } from '../work-tree.ts';
import type { Workspace } from '../workspace.ts';
import { isUtf16 } from './file-form.ts';
import { GrepWithoutPcreError, grepFiles } from './grep.ts';

/** Pathspecs that git is given. */
export const MAX_PASSED_OVER = 500;

/** Why git's search passes over a file. */
export type Kind = 'binary' | 'UTF-16';

type Context = { git: Git; tree: WorkTree; workspace: Workspace; signal: AbortSignal };

const known = new WeakMap<WorkTree, Promise<ReadonlyMap<string, Kind>>>();

/** The files that git takes for binary, where it can tell; `touched` are those that may have changed since the base commit. */
export async function unsearchable(
  context: Context,
  touched: readonly string[],
): Promise<ReadonlyMap<string, Kind>> {
  let found = known.get(context.tree);
  if (!found) {
    found = findAll(context);
    known.set(context.tree, found);
  }
  const kinds = new Map(await found);
  for (const file of touched) {
    const kind = kindOf(context.workspace, file);
    if (kind) kinds.set(file, kind);
    else kinds.delete(file);
  }
  return kinds;
}

/** Of the base commit, as it is stored: files that are new, or changed, are among the touched ones. */
async function findAll(context: Context): Promise<ReadonlyMap<string, Kind>> {
  const large = [...context.tree.largeFiles];
  if (large.length > MAX_PASSED_OVER) return new Map();
  try {
    const files = await grepFiles(context, {
      pattern: Buffer.from('\\x00\n'),
      options: ['--perl-regexp', '--text', '--cached'],
      paths: ['.', ...large.map((file) => `:(exclude,literal)${legible(file)}`)],
    });
    return new Map(
      files.flatMap((file) => {
        const kind = kindOf(context.workspace, file);
        return kind ? [[file, kind] as const] : [];
      }),
    );
  } catch (error) {
    if (error instanceof GrepWithoutPcreError) return new Map();
    throw error;
  }
}

/** Undefined for text, and for what cannot be read. */
function kindOf({ tree }: Workspace, file: string): Kind | undefined {
  const head = Buffer.alloc(8000);
  let length: number;
  try {
    const descriptor = openSync(absolutePath(tree, file), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      length = readSync(descriptor, head);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
  const read = head.subarray(0, length);
  if (!read.includes(0)) return undefined;
  return isUtf16(read) ? 'UTF-16' : 'binary';
}
