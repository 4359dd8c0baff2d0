import { renameSync, rmSync } from 'node:fs';

/** Moves `made` to `place`. Builds that end at the same time each replace the other's. */
export function replaceFolder(place: string, made: string): void {
  const old = `${made}.old`;
  for (;;) {
    try {
      renameSync(place, old);
      rmSync(old, { recursive: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    try {
      renameSync(made, place);
      return;
    } catch (error) {
      // Another build has just moved its own there.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}
