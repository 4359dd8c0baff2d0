import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { RepositoryName } from '../core/job.ts';
import { tell } from '../core/terminal.ts';
import { invocationFolder } from './folders.ts';
import { registerWorkTrees } from './register.ts';
import { inspectWorkTree, type WorkTree } from './work-tree.ts';

/** The repositories that `--repo` named: work trees or names on GitHub, never both. One of the lists is empty. */
export type Repositories = { trees: WorkTree[]; names: string[] };

/** Throws UsageError if a value is neither a folder nor `owner/name`, or if the two kinds are mixed. */
export async function findRepositories(given: readonly string[]): Promise<Repositories> {
  if (given.length === 0) {
    throw new UsageError('--repo is missing. Name a work tree, or owner/name, once for each repository.');
  }
  const trees: WorkTree[] = [];
  const names: string[] = [];
  for (const repository of given) {
    const folder = path.resolve(invocationFolder(), repository);
    if (await isFolder(folder)) trees.push(await inspectWorkTree(folder));
    else if (RepositoryName.safeParse(repository).success) names.push(repository);
    else throw new UsageError(`--repo ${repository} is neither a folder nor owner/name.`);
  }
  if (trees.length > 0 && names.length > 0) {
    throw new UsageError(
      `${trees[0]!.path} is a work tree. ${names[0]} is not a folder here, so it is a repository of GitHub. One job works on one kind: run them as two jobs.`,
    );
  }
  return { trees, names };
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
  const registered = await registerWorkTrees(trees, gitHubUrl, secret);
  for (const { path: folder, repositoryName, headSha, uncommitted } of registered) {
    tell(`${folder} is ${repositoryName} at ${headSha.slice(0, 10)}${leftOut(uncommitted)}`);
  }
  return registered.map(({ repositoryName }) => repositoryName);
}

function leftOut(uncommitted: number | undefined): string {
  if (uncommitted === undefined) {
    return '; uncommitted files are left out, and cannot be counted because the index cannot be read';
  }
  if (uncommitted === 0) return '';
  return `; ${uncommitted} uncommitted ${uncommitted === 1 ? 'file is' : 'files are'} left out`;
}
