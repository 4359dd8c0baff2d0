import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { killProcessesIn } from '../../core/processes-in-folder.ts';

/** The folder of one attempt. */
export type AttemptScratch = {
  /** Makes it; returns the variable that names it to the attempt. */
  create(): Record<string, string>;
  /** Removes it, and ends what lives in it. Never fails: what cannot be removed now is removed at the next start. */
  remove(): Promise<void>;
};

/**
 * What stands in for a container's disk: each attempt has a folder of its own, and when the attempt ends, however it
 * ended, the folder is removed, and with it whatever process still lives in it.
 */
export class Scratch {
  readonly #folder: string;
  readonly #variable: string;

  private constructor(folder: string, variable: string) {
    this.#folder = folder;
    this.#variable = variable;
  }

  /** Empties the folder of what attempts of an earlier process left in it. */
  static open({ folder, variable }: { folder: string; variable: string }): Scratch {
    mkdirSync(folder, { recursive: true });
    // As the processes that live in it may know it.
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
        // Somebody may have removed what it is in.
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

/** Retried: a process that was killed a moment ago may still write. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const;
