import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Octokit } from '@octokit/rest';
import { parseRepositoryName } from '../../core/job.ts';
import type { Connection } from '../connect/connection.ts';
import { invocationFolder } from '../connect/folders.ts';
import { SILENT } from './register.ts';

/**
 * The user's clone of each repository: the work tree that was registered with the local GitHub, or one whose remote has the
 * repository's name, at `folder` (where the user is) or in a folder of it. A repository without one is absent.
 */
export async function clonesOf(
  names: readonly string[],
  { stack }: Connection,
  folder: string | undefined,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (stack?.gitHub && folder === undefined) {
    const github = new Octokit({ baseUrl: `${stack.gitHub}/api/v3`, log: SILENT, auth: stack.secret });
    for (const repositoryName of names) {
      const { owner, name: repo } = parseRepositoryName(repositoryName);
      const { data } = await github.rest.repos.get({ owner, repo });
      // `register.ts` keeps the path there.
      if (data.description && (await isClone(data.description))) found.set(repositoryName, data.description);
    }
    return found;
  }
  const candidates = await candidatesIn(folder ?? invocationFolder());
  for (const clone of candidates) {
    const own = await nameOf(clone);
    for (const name of names) if (own?.toLowerCase() === name.toLowerCase()) found.set(name, clone);
  }
  // A clone that the user names for one repository need not have a remote.
  if (names.length === 1 && folder !== undefined && found.size === 0 && (await isClone(folder)))
    found.set(names[0]!, folder);
  return found;
}

async function candidatesIn(folder: string): Promise<string[]> {
  if (await isClone(folder)) return [folder];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => path.join(folder, name));
  const are = await Promise.all(folders.map(isClone));
  return folders.filter((_, i) => are[i]);
}

async function isClone(folder: string): Promise<boolean> {
  return stat(path.join(folder, '.git')).then(
    () => true,
    () => false,
  );
}

/** `owner/name` by the remote `origin`. */
async function nameOf(clone: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('git', [
      '-C',
      clone,
      'config',
      '--get',
      'remote.origin.url',
    ]);
    return /[/:]([^/:\s]+\/[^/\s]+?)(?:\.git)?\/?\s*$/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
