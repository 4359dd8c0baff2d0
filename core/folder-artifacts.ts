import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { requireArtifactKey } from './artifact-key.ts';
import type { ArtifactStore } from './artifacts.ts';

/** Artifacts in a directory, as they are: for a machine's owner to read. */
export class FolderArtifacts implements ArtifactStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  #fileOf(key: string): string {
    return path.join(this.#folder, requireArtifactKey(key));
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
