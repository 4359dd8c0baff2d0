import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const IDENTITY = {
  GIT_AUTHOR_NAME: 'A Developer',
  GIT_AUTHOR_EMAIL: 'developer@example.com',
  GIT_COMMITTER_NAME: 'A Developer',
  GIT_COMMITTER_EMAIL: 'developer@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

/** Runs git in a folder and gives what it prints. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['-C', folder, ...args], {
    env: { PATH: process.env.PATH, ...IDENTITY },
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout.trimEnd();
}

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
