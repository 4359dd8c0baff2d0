import { RepositoryUnavailableError } from '../../core/errors.ts';
import { GitBoundExceededError, GitFailedError } from '../../core/git-process.ts';
import { MAX_FILE_BYTES } from '../limits.ts';
import type { Git } from './git.ts';

/** Larger than any usual repository. A small pack can expand to a tree of any size. */
const MAX_FILES = 500_000;
const MAX_TREE_BYTES = 10 * 1024 ** 3;

const SUBMODULE = '160000 ';
const ATTRIBUTES = /[\t/]\.gitattributes$/;

/** From the listing of the commit's tree; raw paths (raw-path.ts). */
export type TreeFacts = {
  /** Files that are too large to be opened. */
  largeFiles: ReadonlySet<string>;
  submodules: ReadonlySet<string>;
  /** Whether the commit has a .gitattributes. */
  hasAttributes: boolean;
};

type CheckOut = { repositoryName: string; baseSha: string; signal: AbortSignal };

/**
 * Writes the commit's files into the empty work tree, after a check of their number and size. Throws
 * RepositoryUnavailableError if the tree is too large or cannot be written.
 */
export async function checkOut(git: Git, { repositoryName, baseSha, signal }: CheckOut): Promise<TreeFacts> {
  const refuse = (problem: string, cause: unknown) =>
    new RepositoryUnavailableError(`${repositoryName} at ${baseSha} ${problem}`, { cause });
  const listing = new TreeListing();
  try {
    await git.run(['ls-tree', '-r', '-l', '-z', baseSha], { signal, read: (chunk) => listing.read(chunk) });
  } catch (error) {
    if (!(error instanceof GitBoundExceededError)) throw error;
    const most = `${MAX_FILES} files or ${MAX_TREE_BYTES / 1024 ** 3} GiB`;
    throw refuse(`has more than ${most}; leave it out of the job.`, error);
  }
  try {
    await git.run(['reset', '--hard', '--quiet', baseSha], { signal });
  } catch (error) {
    // git refuses a path, a path is too long for the system, or the disk is full.
    if (!(error instanceof GitFailedError) || error.stderr === '') throw error;
    throw refuse(`cannot be checked out: ${error.message} Fix it, or leave it out of the job.`, error);
  }
  const { largeFiles, submodules, hasAttributes } = listing;
  return { largeFiles, submodules, hasAttributes };
}

/** Reads `mode type id size TAB path NUL`. */
class TreeListing {
  readonly largeFiles = new Set<string>();
  readonly submodules = new Set<string>();
  hasAttributes = false;
  #files = 0;
  #bytes = 0;
  #rest = '';

  /** Returns false when the tree is too large. */
  read(chunk: Buffer): boolean {
    // latin1 keeps every byte of a path that is not UTF-8.
    const entries = (this.#rest + chunk.toString('latin1')).split('\0');
    this.#rest = entries.pop()!;
    for (const entry of entries) {
      const tab = entry.indexOf('\t');
      // A submodule has `-` for its size.
      const size = Number(entry.slice(entry.lastIndexOf(' ', tab) + 1, tab)) || 0;
      this.#files += 1;
      this.#bytes += size;
      if (entry.startsWith(SUBMODULE)) this.submodules.add(entry.slice(tab + 1));
      if (ATTRIBUTES.test(entry)) this.hasAttributes = true;
      if (size > MAX_FILE_BYTES) this.largeFiles.add(entry.slice(tab + 1));
    }
    return this.#files <= MAX_FILES && this.#bytes <= MAX_TREE_BYTES;
  }
}
