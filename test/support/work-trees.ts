import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { git } from './git.ts';

const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tlogallrefupdates = true\n';

/** Makes what `git init` makes, without a process. */
export async function initWorkTree(folder: string): Promise<void> {
  const own = path.join(folder, '.git');
  for (const name of ['objects', 'refs/heads', 'hooks', 'info'])
    await mkdir(path.join(own, name), { recursive: true });
  await writeFile(path.join(own, 'HEAD'), 'ref: refs/heads/main\n');
  await writeFile(path.join(own, 'config'), CONFIG);
}

/** Commits everything in a folder as the first commit of a new repository. */
export async function commitAll(folder: string): Promise<string> {
  await initWorkTree(folder);
  await git(folder, 'add', '--all', '--force');
  await git(folder, 'commit', '--quiet', '--message', 'Initial');
  return (await readFile(path.join(folder, '.git/refs/heads/main'), 'utf8')).trim();
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
