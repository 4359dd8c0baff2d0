import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { killProcessesIn } from '../../core/processes-in-folder.ts';

/** The scratch folder of one attempt. */
export type AttemptScratch = {
  /** Makes the folder. Returns the environment variable with its path. */
  create(): Record<string, string>;
  /** Kills the processes in the folder and removes it. Never fails: leftovers are removed at the next start. */
  remove(): Promise<void>;
};

/**
 * Replaces a container's disk: each attempt gets a new folder. However the attempt ends, its folder is removed and
 * processes that still run in it are killed.
 */
export class Scratch {
  readonly #folder: string;
  readonly #variable: string;

  private constructor(folder: string, variable: string) {
    this.#folder = folder;
    this.#variable = variable;
  }

  /** Removes what attempts of an earlier process left in the folder. */
  static open({ folder, variable }: { folder: string; variable: string }): Scratch {
    mkdirSync(folder, { recursive: true });
    // Processes have the real path as their current folder.
    const real = realpathSync(folder);
    killProcessesIn(real);
    rmSync(real, REMOVE);
    mkdirSync(real);
    return new Scratch(real, variable);
  }

  of(attempt: string): AttemptScratch {
    const folder = path.join(this.#folder, attempt);
    return {
      create: () => {
        // The parent folder may have been removed since.
        mkdirSync(folder, { recursive: true });
        return { [this.#variable]: folder };
      },
      remove: async () => {
        killProcessesIn(folder);
        await rm(folder, REMOVE).catch(() => {});
      },
    };
  }
}

/** Retries, because a process that was just killed may still write. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const;
