import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../../core/errors.ts';
import { RepositorySelector } from '../../core/repository-selector.ts';
import { userPath } from '../connect/folders.ts';
import { readInput } from '../jobs/read-input.ts';
import { tell } from '../terminal/print.ts';
import { inspectWorkTree, type WorkTree } from './work-tree.ts';

/** The repositories that the user named: work trees or names on GitHub, never both. One of the lists is empty. */
export type Repositories = { trees: WorkTree[]; names: string[] };

/** The values of `--repo`, those of `--repos-from`, and those of a file of a job. */
export async function namedRepositories(options: {
  repo?: string[];
  reposFrom?: string;
  inFile?: unknown;
}): Promise<string[]> {
  const { repo = [], reposFrom, inFile } = options;
  const listed = reposFrom === undefined ? [] : linesOf(await readInput(reposFrom, '--repos-from'));
  const given = [...(await splitAll(repo)), ...listed];
  // Options win over the file, as everywhere.
  if (given.length === 0 && Array.isArray(inFile)) return inFile.map(String);
  return [...new Set(given)];
}

/** A line is a repository; `#` begins a comment. */
function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter(Boolean);
}

/** Commas separate names, unless the whole is a folder. */
async function splitAll(given: readonly string[]): Promise<string[]> {
  const parts = given.map(async (one) =>
    one.includes(',') && !(await isFolder(userPath(one)))
      ? one
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean)
      : [one],
  );
  return (await Promise.all(parts)).flat();
}

/** Throws UsageError if a value is neither a folder nor a name, or if the two kinds are mixed. */
export async function findRepositories(given: readonly string[]): Promise<Repositories> {
  if (given.length === 0) {
    throw new UsageError(
      '--repo is missing. Name a work tree, or owner/name, once for each repository, or a list by --repos-from.',
    );
  }
  const trees: WorkTree[] = [];
  const names: string[] = [];
  for (const repository of given) {
    const folder = userPath(repository);
    if (await isFolder(folder)) trees.push(await inspectWorkTree(folder));
    else if (isFolderPattern(repository)) trees.push(...(await treesOf(repository)));
    else if (RepositorySelector.safeParse(repository).success) names.push(repository);
    else
      throw new UsageError(`--repo ${repository} is neither a folder nor owner/name.${hintFor(repository)}`);
  }
  if (trees.length > 0 && names.length > 0) {
    throw new UsageError(
      `${trees[0]!.path} is a work tree. ${names[0]} is not a folder here, so it is a repository of GitHub. One job works on one kind: run them as two jobs.`,
    );
  }
  return { trees, names };
}

/** `owner/*` is a pattern of GitHub; any other with a star or braces is one of folders. */
function isFolderPattern(repository: string): boolean {
  return /[*?{[]/.test(repository) && !RepositorySelector.safeParse(repository).success;
}

/** The work trees among the folders of a pattern. */
async function treesOf(pattern: string): Promise<WorkTree[]> {
  const { glob } = await import('glob');
  const folders = (await glob(`${userPath(pattern)}/`, { absolute: true })).sort();
  const trees: WorkTree[] = [];
  for (const folder of folders) {
    if (await stat(path.join(folder, '.git')).catch(() => undefined))
      trees.push(await inspectWorkTree(folder));
  }
  if (trees.length > 0) return trees;
  throw new UsageError(
    `--repo ${pattern} matches ${folders.length === 0 ? 'no folder' : `${folders.length} folders, and none is a git work tree`}.`,
  );
}

function hintFor(repository: string): string {
  if (repository.startsWith('~')) return ' The shell did not expand the ~: write the path without quotes.';
  return '';
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Registers work trees with the local GitHub and prints which commit of each is used. Returns their names there. */
export async function registerAndReport(
  trees: readonly WorkTree[],
  gitHubUrl: string,
  secret: string,
): Promise<string[]> {
  const { registerWorkTrees } = await import('./register.ts');
  const registered = await registerWorkTrees(trees, gitHubUrl, secret);
  const isLong = registered.length > MAX_REPORTED;
  if (isLong) tell(`${registered.length} work trees are registered with the local GitHub, as local/NAME.`);
  const told = isLong ? registered.filter(({ uncommitted }) => uncommitted !== 0) : registered;
  for (const { path: folder, repositoryName, headSha, uncommitted } of told.slice(0, MAX_REPORTED)) {
    tell(`${folder} is ${repositoryName} at ${headSha.slice(0, 10)}${leftOut(uncommitted)}`);
  }
  const more = told.length - MAX_REPORTED;
  if (more > 0) tell(`${more} more have uncommitted files, which are left out.`);
  return registered.map(({ repositoryName }) => repositoryName);
}

/** More lines would hide what is above them. */
const MAX_REPORTED = 6;

function leftOut(uncommitted: number | undefined): string {
  if (uncommitted === undefined) {
    return '; uncommitted files are left out, and cannot be counted because the index cannot be read';
  }
  if (uncommitted === 0) return '';
  return `; ${uncommitted} uncommitted ${uncommitted === 1 ? 'file is' : 'files are'} left out`;
}
