import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { InvalidInputError } from '../core/errors.ts';
import { gitEnvironment } from './github/git.ts';

const exec = promisify(execFile);

const SHA1_LENGTH = 40;

/** A user's work tree, as far as it is looked at. */
export type WorkTree = {
  /** Its top folder, without symbolic links. */
  path: string;
  /** What it is called on the local GitHub: `local/{folder}`. */
  name: string;
  headSha: string;
  /** The branch that HEAD is on, or `main` where it is on none. */
  branch: string;
  /** Files with uncommitted work, which is left out. */
  uncommitted: number;
};

/** Looks at a work tree and changes nothing in it. Throws InvalidInputError where it is none, or has no commit. */
export async function inspectWorkTree(given: string): Promise<WorkTree> {
  const folder = await realpath(given).catch(() => {
    throw new InvalidInputError(`${given} does not exist; name the folder of a git work tree.`, {
      field: 'repo',
      received: given,
    });
  });
  const top = await git(folder, ['rev-parse', '--show-toplevel']).catch(() => {
    throw new InvalidInputError(`${given} is no git work tree; name the folder of one.`, {
      field: 'repo',
      received: given,
    });
  });
  if ((await realpath(top)) !== folder) {
    throw new InvalidInputError(
      `${given} is inside the work tree ${top}; name that folder, since a job works on whole repositories.`,
      {
        field: 'repo',
        received: given,
      },
    );
  }
  const headSha = await git(folder, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']).catch(() => {
    throw new InvalidInputError(`${given} has no commit yet; commit something first.`, {
      field: 'repo',
      received: given,
    });
  });
  if (headSha.length > SHA1_LENGTH) {
    throw new InvalidInputError(
      `${given} names its objects by SHA-256, which GitHub does not take; convert it to SHA-1, or leave it out.`,
      { field: 'repo', received: given },
    );
  }
  // By its full name: the short one of a branch that shares its name with a tag begins with heads/.
  const ref = await git(folder, ['symbolic-ref', '--quiet', 'HEAD']).catch(() => 'refs/heads/main');
  const branch = ref.replace(/^refs\/heads\//, '');
  const status = await git(folder, ['status', '--porcelain', '--ignore-submodules=all']);
  return {
    path: folder,
    name: `local/${repositoryNameOf(path.basename(folder))}`,
    headSha,
    branch,
    uncommitted: status === '' ? 0 : status.split('\n').length,
  };
}

/** Pushes the commit that was looked at, and nothing else, to the base branch of a repository of the local GitHub. */
export async function pushHead(
  { path: folder, branch, headSha }: WorkTree,
  url: string,
  token?: string,
): Promise<void> {
  const args = ['push', '--force', '--quiet', '--no-verify', '--no-recurse-submodules'];
  await git(folder, [...args, url, `${headSha}:refs/heads/${branch}`], token ? authorization(token) : {});
}

/** The token as a header that git finds in its environment, so that it is in no argument and no file. */
function authorization(token: string): Record<string, string> {
  const count = Number(gitEnvironment().GIT_CONFIG_COUNT);
  const credential = Buffer.from(`x-access-token:${token}`).toString('base64');
  return {
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: 'http.extraHeader',
    [`GIT_CONFIG_VALUE_${count}`]: `Authorization: Basic ${credential}`,
  };
}

/** A name that GitHub would take. */
function repositoryNameOf(folder: string): string {
  const name = folder
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[-.]+/, '')
    .replace(/\.git$/, '')
    .slice(0, 90);
  return name || 'repository';
}

async function git(
  folder: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<string> {
  const { stdout } = await exec('git', ['-c', 'safe.directory=*', '-C', folder, ...args], {
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...gitEnvironment(),
      // Looking at a work tree must not even refresh its index.
      GIT_OPTIONAL_LOCKS: '0',
      ...environment,
    },
  });
  // A name may end in a blank.
  return stdout.replace(/\n$/, '');
}
