import type { Dirent } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { chunks } from '../core/in-parallel.ts';

/** Files that are read at the same time. */
const MAX_OPEN_FILES = 16;

/**
 * Removes the `*.tmp` files below these folders that are older than `startedMs`: a killed process was writing them. Skips
 * the folders of repositories, which git keeps in order.
 */
export async function removeLeftTemporaries(folders: readonly string[], startedMs: number): Promise<void> {
  for (const folder of folders) {
    const entries = await entriesOf(folder);
    const below = entries.filter((entry) => entry.isDirectory() && !entry.name.endsWith('.git'));
    for (const entry of entries) {
      if (!entry.isFile() || !entry.name.endsWith('.tmp')) continue;
      const file = path.join(folder, entry.name);
      const info = await stat(file).catch(() => undefined);
      if (info && info.mtimeMs < startedMs) await rm(file, { force: true });
    }
    await removeLeftTemporaries(
      below.map(({ name }) => path.join(folder, name)),
      startedMs,
    );
  }
}

/** A running worker writes its first line within seconds, so a log that is still empty then has no use. */
const MAX_EMPTY_MS = 3_600_000;
/** A worker's first line names its job. */
const HEAD_BYTES = 1024;
const JOB_ID = /\bjob-[0-9A-HJKMNP-TV-Z]{26}\b/;

/** The logs of Batch jobs, by the job of Cody Batch that each belongs to. */
export class BatchLogs {
  readonly #folder: string;
  readonly #owners = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Removes the logs of a job, and logs that have stayed empty. */
  async remove(jobId: string): Promise<void> {
    const names = await readdir(this.#folder, { recursive: true }).catch(() => []);
    const files = names.filter((name) => name.endsWith('.log')).map((name) => path.join(this.#folder, name));
    for (const some of chunks(files, MAX_OPEN_FILES))
      await Promise.all(some.map((file) => this.#look(file, jobId)));
  }

  async #look(file: string, jobId: string): Promise<void> {
    const owner = this.#owners.get(file) ?? (await ownerOf(file));
    if (owner !== undefined) this.#owners.set(file, owner);
    if (owner !== jobId && owner !== '') return;
    this.#owners.delete(file);
    await rm(file, { force: true });
  }
}

/** Returns the job that a log names, '' if the log has stayed empty, or undefined if the job is unknown. */
async function ownerOf(file: string): Promise<string | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { size, mtimeMs } = await handle.stat();
    if (size === 0) return Date.now() - mtimeMs > MAX_EMPTY_MS ? '' : undefined;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return JOB_ID.exec(buffer.toString('utf8', 0, bytesRead))?.[0];
  } finally {
    await handle.close();
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
