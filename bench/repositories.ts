import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inParallel } from '../core/in-parallel.ts';
import { parseRepositoryName } from '../core/job.ts';
import { gitEnvironment } from '../local/github/git.ts';

const IDENTITY = ['-c', 'user.name=Bench', '-c', 'user.email=bench@localhost'];

/** A git repository with the published files of an installed package. */
export type Source = { folder: string; files: number };

export async function makeSource(packageName: string, parent: string): Promise<Source> {
  const installed = fileURLToPath(new URL(`../node_modules/${packageName}`, import.meta.url));
  const folder = path.join(parent, packageName.replace('/', '-'));
  await cp(installed, folder, {
    recursive: true,
    filter: (file) => path.relative(installed, file).split(path.sep)[0] !== 'node_modules',
  });
  await git(folder, 'init', '--quiet', '--initial-branch=main');
  await git(folder, 'add', '--all', '--force');
  await git(folder, ...IDENTITY, 'commit', '--quiet', '--message', `The published files of ${packageName}`);
  const files = (await git(folder, 'ls-files', '-z')).split('\0').length - 1;
  return { folder, files };
}

/** Publishes each source under its name (`local/…`) on a local GitHub. */
export async function publish(gitHubUrl: string, sources: ReadonlyMap<string, Source>): Promise<void> {
  // Most of the time is git's, and two of them keep two cores busy.
  await inParallel([...sources], 2, async ([repositoryName, { folder }]) => {
    const { owner, name } = parseRepositoryName(repositoryName);
    const response = await fetch(`${gitHubUrl}/api/v3/orgs/${owner}/repos`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });
    if (!response.ok) throw new Error(`Creating ${repositoryName} failed: ${await response.text()}`);
    await git(folder, 'push', '--quiet', `${gitHubUrl}/${repositoryName}.git`, 'main');
  });
}

export async function git(folder: string, ...args: string[]): Promise<string> {
  const options = { cwd: folder, env: gitEnvironment('http'), maxBuffer: 128 * 1024 * 1024 };
  return (await promisify(execFile)('git', args, options)).stdout;
}
