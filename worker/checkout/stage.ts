import { GitBoundExceededError } from '../../core/git-process.ts';
import { isInGitFolder } from '../../core/tree-path.ts';
import { MAX_FILE_BYTES } from '../limits.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import type { Clone } from './clone.ts';
import { type Difference, readDifferences } from './diff-index.ts';
import { isReadable, legible, statsOf } from './raw-path.ts';
import { storedForm } from './stored-form.ts';

/** A change set has whole files, and the worker has several copies of it in memory while writing it. */
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
/** Twice the highest limit of a job. */
const MAX_FILES = 20_000;
const MAX_LISTING_BYTES = 64 * 1024 * 1024;

export type Staged = {
  /** The paths at which the index differs from the base commit. */
  differences: readonly Difference[];
  /** Raw paths of folders that are git repositories of their own and not submodules; each ends in `/`. */
  nested: readonly string[];
  /** The files that were left out, if any, with reasons. */
  excess: string | undefined;
  /** Files that .gitattributes make text: written with CRLF, stored with LF. */
  withLf: readonly string[];
  /** Staged files that .gitattributes do not allow to be stored as they are, each with its reason. */
  unstorable: readonly string[];
};

/**
 * Does `git add -A` into `indexFile`, but skips nested repositories (git would read their configuration, and
 * fails on one without a commit) and files that cannot be part of a change. Of the attributes only line ends
 * are applied, and only to files that were touched. Throws GitBoundExceededError if too many files differ.
 */
export async function stage(clone: Clone, workspace: Workspace, indexFile: string): Promise<Staged> {
  const { git, baseSha, largeFiles } = clone;
  const listing = ['ls-files', '--modified', '--others', '--exclude-standard', '--deduplicate', '-t', '-z'];
  const listed = await git.run(listing, { indexFile, maxBytes: MAX_LISTING_BYTES });
  // latin1 keeps every byte of a path that is not UTF-8. Each path follows its tag and a space.
  const tagged = listed.toString('latin1').split('\0');
  const present = tagged.filter((entry) => entry !== '' && !entry.endsWith('/'));
  const nested = tagged.filter((entry) => entry.endsWith('/')).map((entry) => entry.slice(2));
  // Tracked files first: a file that became a folder must leave the index before the folder's files enter.
  const listedFiles = [...present.filter((entry) => !isNew(entry)), ...present.filter(isNew)].map((entry) =>
    entry.slice(2),
  );
  const { behind: gone, files } = apart(listedFiles, workspace.tree);
  if (listedFiles.length > MAX_FILES)
    throw new GitBoundExceededError(`${listedFiles.length} files differ, more than ${MAX_FILES}`);
  const { fit, unfit } = sift(files, workspace.tree, largeFiles);
  if (fit.length + gone.length === 0)
    return { differences: [], nested, excess: describeUnfit(unfit), withLf: [], unstorable: [] };
  const update = async (options: readonly string[], paths: readonly string[]) => {
    if (paths.length === 0) return;
    const input = Buffer.from(`${paths.join('\0')}\0`, 'latin1');
    await git.run(['update-index', ...options, '-z', '--stdin'], { indexFile, input });
  };
  await update(['--force-remove'], gone);
  // A link in place of a folder removes the folder's files, including those that look unchanged through it.
  await update(['--add', '--remove', '--replace'], fit);
  const differences = await readDifferences(git, { baseSha, indexFile });
  const form = await storedForm(clone, workspace, differences);
  const corrected = differences.flatMap(({ path, mode }) => {
    const objectId = form.withLf.get(path);
    return objectId ? [`${mode} ${objectId}\t${path}\0`] : [];
  });
  if (corrected.length > 0) {
    const input = Buffer.from(corrected.join(''), 'latin1');
    await git.run(['update-index', '-z', '--index-info'], { indexFile, input });
  }
  return {
    differences: corrected.length > 0 ? await readDifferences(git, { baseSha, indexFile }) : differences,
    nested,
    excess: describeUnfit(unfit),
    withLf: [...form.withLf.keys()].map(legible),
    unstorable: [...form.unstorable].map(([file, problem]) => `${legible(file)} ${problem}`),
  };
}

function isNew(taggedPath: string): boolean {
  return taggedPath.startsWith('?');
}

/** Separates the tracked files whose folder is now a link: they no longer exist at that path. */
function apart(files: readonly string[], tree: string): { behind: string[]; files: string[] } {
  const known = new Map<string, boolean>();
  const isBehindLink = (file: string): boolean => {
    const slash = file.lastIndexOf('/');
    if (slash < 0) return false;
    const folder = file.slice(0, slash);
    const found =
      known.get(folder) ?? (isBehindLink(folder) || statsOf(tree, folder)?.isSymbolicLink() === true);
    known.set(folder, found);
    return found;
  };
  const { true: behind = [], false: others = [] } = Object.groupBy(files, (file) => `${isBehindLink(file)}`);
  return { behind, files: others };
}

/** Separates the files that can be part of a change from those that cannot. */
function sift(files: readonly string[], tree: string, largeFiles: ReadonlySet<string>) {
  const fit: string[] = [];
  const unfit: string[] = [];
  let total = 0;
  for (const file of files) {
    const { problem, size } = look(tree, file);
    total += size;
    if (problem) unfit.push(`${legible(file)} ${problem}`);
    else if (largeFiles.has(file)) unfit.push(`${legible(file)} had more than ${MAX_FILE_BYTES} bytes`);
    else if (total > MAX_TOTAL_BYTES)
      unfit.push(`${legible(file)} brings the changed files to more than ${MAX_TOTAL_BYTES} bytes`);
    else fit.push(file);
  }
  return { fit, unfit };
}

function describeUnfit(unfit: readonly string[]): string | undefined {
  const more = unfit.length > 5 ? ` and ${unfit.length - 5} more` : '';
  return unfit.length > 0 ? unfit.slice(0, 5).join('; ') + more : undefined;
}

/** `size` is the number of bytes that staging would read. */
function look(tree: string, file: string): { problem?: string; size: number } {
  // git would skip it without an error.
  if (isInGitFolder(legible(file)))
    return { problem: 'has a name that is reserved for the git directory', size: 0 };
  const stats = statsOf(tree, file);
  // It was deleted, or is a link, or is a folder in place of a file.
  if (!stats || stats.isSymbolicLink() || stats.isDirectory()) return { size: 0 };
  if (!stats.isFile()) return { problem: 'is neither file nor link', size: 0 };
  if (stats.size > MAX_FILE_BYTES)
    return { problem: `has ${stats.size} bytes, more than ${MAX_FILE_BYTES}`, size: 0 };
  return isReadable(tree, file) ? { size: stats.size } : { problem: 'is not readable', size: 0 };
}
