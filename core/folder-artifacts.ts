import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ArtifactStore } from './artifacts.ts';
import { NotFoundError } from './errors.ts';

/** Artifacts in a directory, as they are: for a machine's owner to read. */
export class FolderArtifacts implements ArtifactStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  #fileOf(key: string): string {
    const file = path.resolve(this.#folder, key);
    if (!file.startsWith(this.#folder + path.sep))
      throw new NotFoundError(`The artifact key ${JSON.stringify(key)} leaves the store.`);
    return file;
  }

  async read(key: string) {
    try {
      return await readFile(this.#fileOf(key));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async write(key: string, body: string | Uint8Array) {
    const file = this.#fileOf(key);
    const temporary = `${file}.${process.pid}.${temporaries++}.tmp`;
    try {
      await writeFile(temporary, body, { flag: 'wx' }).catch(async (error) => {
        if (error.code !== 'ENOENT') throw error;
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(temporary, body, { flag: 'wx' });
      });
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async removeAll(prefix: string) {
    await rm(this.#fileOf(prefix), { recursive: true, force: true });
  }
}

let temporaries = 0;

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
