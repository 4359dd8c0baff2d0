import { constants } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DamagedArtifactError, SettingsError } from '../errors.ts';
import { maxArtifactBytes, tooLarge } from './artifact-bounds.ts';
import { requireArtifactKey } from './artifact-keys.ts';
import type { ArtifactStore, SignedUrlOptions, StoreOptions, WriteOptions } from './artifact-store.ts';
import { signPath } from './signed-path.ts';

/** Artifacts in a directory, uncompressed, so that people can read them. */
export class FolderArtifacts implements ArtifactStore {
  readonly #folder: string;

  readonly #signingKey: string | undefined;

  constructor(folder: string, { signingKey }: StoreOptions = {}) {
    this.#folder = path.resolve(folder);
    this.#signingKey = signingKey;
  }

  #fileOf(key: string): string {
    return path.join(this.#folder, requireArtifactKey(key));
  }

  async read(key: string) {
    try {
      return await readWhole(this.#fileOf(key), key);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async write(key: string, body: string | Uint8Array, options: WriteOptions = {}) {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#write(key, body, options);
      } catch (error) {
        // A concurrent deletion removed the folder between two steps.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === MAX_TRIES) throw error;
      }
    }
  }

  async #write(key: string, body: string | Uint8Array, { durable = false }: WriteOptions) {
    const file = this.#fileOf(key);
    const folder = path.dirname(file);
    const temporary = `${file}.${process.pid}.${temporaries++}.tmp`;
    let topmostNew: string | undefined;
    try {
      await writeFile(temporary, body, { flag: 'wx', flush: durable }).catch(async (error) => {
        if (error.code !== 'ENOENT') throw error;
        topmostNew = await mkdir(folder, { recursive: true });
        await writeFile(temporary, body, { flag: 'wx', flush: durable });
      });
      await rename(temporary, file);
      // The file's name is in the data of its folder, and a new folder's name in that of its parent.
      if (durable) for (const changed of upTo(topmostNew, folder)) await flushFolder(changed);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async signedUrl(key: string, { seconds, fileName }: SignedUrlOptions) {
    if (this.#signingKey === undefined) {
      throw new SettingsError(
        'ARTIFACTS_SIGNING_KEY is not set, so no artifact of a folder can be offered for download. Set it.',
      );
    }
    const expires = Math.floor(Date.now() / 1000) + seconds;
    return signPath({ key: requireArtifactKey(key), expires, fileName }, this.#signingKey);
  }

  async removeAll(prefix: string) {
    // Retried, because a late write may fill a folder that was just emptied.
    await rm(this.#fileOf(prefix), { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

/** Reads at most the bound. O_NONBLOCK, because opening a pipe that a command left there would block. */
async function readWhole(file: string, key: string): Promise<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw Object.assign(new Error(`${file} is a folder.`), { code: 'EISDIR' });
    if (!stats.isFile()) throw new DamagedArtifactError(`The artifact ${key} is not a file.`);
    if (stats.size > maxArtifactBytes(key)) throw tooLarge(key);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

let temporaries = 0;

const MAX_TRIES = 5;

/** The folder, and if `topmostNew` above it was just made, every folder up to the parent of that. */
function upTo(topmostNew: string | undefined, folder: string): string[] {
  const folders = [folder];
  if (topmostNew === undefined) return folders;
  for (const top = path.dirname(topmostNew); folders.at(-1) !== top; )
    folders.push(path.dirname(folders.at(-1)!));
  return folders;
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
