import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { git } from './git.ts';

/** Commits everything in a folder as the first commit of a new repository. */
export async function commitAll(folder: string): Promise<string> {
  await git(folder, 'init', '--quiet', '--initial-branch=main');
  await git(folder, 'add', '--all', '--force');
  await git(folder, 'commit', '--quiet', '--message', 'Initial');
  return git(folder, 'rev-parse', 'HEAD');
}

/** A repository of these files. */
export async function repositoryOf(folder: string, files: Record<string, string | Buffer>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  return commitAll(folder);
}

/** A repository of an installed package's real files. */
export async function repositoryOfPackage(name: string, folder: string): Promise<string> {
  const source = fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url));
  await cp(source, folder, {
    recursive: true,
    filter: (file) => path.relative(source, file).split(path.sep)[0] !== 'node_modules',
  });
  return commitAll(folder);
}
