import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The refs of `packed-refs`, which git-pack-refs(1) writes; a ref's own file is newer. */
async function packedRefs(gitFolder: string): Promise<Map<string, string>> {
  const lines = ((await contentOf(join(gitFolder, 'packed-refs'))) ?? '').split('\n');
  const refs = lines.filter((line) => /^[0-9a-f]{40} /.test(line));
  return new Map(refs.map((line) => [line.slice(41), line.slice(0, 40)]));
}

/**
 * The SHA of the ref with exactly this full name. The name becomes a path, so the caller must have
 * checked it.
 */
export async function readRefFile(gitFolder: string, name: string): Promise<string | undefined> {
  const content = await contentOf(join(gitFolder, name));
  return content?.trim() ?? (await packedRefs(gitFolder)).get(name);
}

/** Whether there is a ref below this folder, such as `refs/heads`. */
export async function hasRefBelow(gitFolder: string, folder: string): Promise<boolean> {
  const entries: Dirent[] = await readdir(join(gitFolder, folder), {
    recursive: true,
    withFileTypes: true,
  }).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  if (entries.some((entry) => entry.isFile() && !entry.name.endsWith('.lock'))) return true;
  return [...(await packedRefs(gitFolder)).keys()].some((name) => name.startsWith(`${folder}/`));
}

/** For a ref with a single writer, which needs no lock. */
export async function writeRefFile(gitFolder: string, name: string, sha: string): Promise<void> {
  const path = join(gitFolder, name);
  const temporary = join(gitFolder, `tmp_ref_${randomUUID()}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(temporary, `${sha}\n`);
  await rename(temporary, path);
}

/**
 * Moves a branch or a tag from `from` (undefined: it is new) to `to` as `git update-ref` does, with the lock that git's own
 * processes take. Returns false, and changes nothing, where only git knows the answer: another value, a lock that is held,
 * a name that another ref blocks, packed refs.
 */
export async function moveRefFile(
  gitFolder: string,
  name: string,
  from: string | undefined,
  to: string,
): Promise<boolean> {
  const path = join(gitFolder, name);
  const lock = `${path}.lock`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(lock, `${to}\n`, { flag: 'wx' });
  } catch {
    return false;
  }
  try {
    const isPlain = (await contentOf(join(gitFolder, 'packed-refs'))) === undefined;
    if (isPlain && (await contentOf(path))?.trim() === from) {
      // Fails where the name is a folder of other refs.
      await rename(lock, path);
      return true;
    }
  } catch {}
  await rm(lock, { force: true });
  return false;
}
