import { isUtf8 } from 'node:buffer';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import type { Git } from '../checkout/git.ts';
import { absolutePath, legible, statsOf } from '../checkout/raw-path.ts';
import type { WorkTree } from '../checkout/work-tree.ts';
import { MAX_FILE_BYTES } from '../limits.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { isUtf16 } from './file-form.ts';
import { GrepWithoutPcreError, grepFiles } from './grep.ts';

/** The limit of pathspecs for one git command. */
export const MAX_PASSED_OVER = 500;

/** The kinds of files that git's search skips. */
export type Kind = 'binary' | 'UTF-16';

type Context = { git: Git; tree: WorkTree; workspace: Workspace; signal: AbortSignal };

const known = new WeakMap<WorkTree, Promise<ReadonlyMap<string, Kind>>>();

/** The files that git treats as binary. `touched` are the files that may have changed since the base commit. */
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

/** Finds them in the base commit. New and changed files are among the touched ones. */
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

/** Returns undefined for text and for files that cannot be read. */
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

/** Matches a line that is not UTF-8, in a search of bytes. */
const NOT_UTF8 =
  '^(?!(?:[\\x00-\\x7F]|[\\xC2-\\xDF][\\x80-\\xBF]|[\\xE0-\\xEF][\\x80-\\xBF]{2}|[\\xF0-\\xF4][\\x80-\\xBF]{3})*+$)';

const knownLegacy = new WeakMap<WorkTree, Promise<boolean>>();

/**
 * Whether there is text that is not UTF-8. A search by characters skips its other bytes. Returns true if unknown.
 */
export async function hasLegacyText(context: Context, touched: readonly string[]): Promise<boolean> {
  let inBase = knownLegacy.get(context.tree);
  if (!inBase) {
    inBase = findLegacy(context);
    knownLegacy.set(context.tree, inBase);
  }
  return (
    (await inBase) ||
    touched.length > MAX_PASSED_OVER ||
    touched.some((file) => isLegacy(context.workspace, file))
  );
}

async function findLegacy(context: Context): Promise<boolean> {
  const large = [...context.tree.largeFiles];
  if (large.length > MAX_PASSED_OVER) return true;
  try {
    const files = await grepFiles(context, {
      pattern: Buffer.from(`${NOT_UTF8}\n`),
      options: ['--perl-regexp', '-I', '--cached'],
      paths: ['.', ...large.map((file) => `:(exclude,literal)${legible(file)}`)],
      bytewise: true,
    });
    return files.length > 0;
  } catch {
    // git gave up on a file, so the answer is unknown.
    context.signal.throwIfAborted();
    return true;
  }
}

function isLegacy({ tree }: Workspace, file: string): boolean {
  const stats = statsOf(tree, file);
  if (!stats?.isFile() || stats.size > MAX_FILE_BYTES) return false;
  try {
    const bytes = readFileSync(absolutePath(tree, file));
    return !isUtf8(bytes);
  } catch {
    return false;
  }
}
