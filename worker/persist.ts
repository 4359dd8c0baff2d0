import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactStore } from '../core/store/artifact-store.ts';
import type { Log } from './log.ts';
import { isTransientError } from './transient-error.ts';

/** Longer than S3 fails for, as a rule; a worker whose store stays away ends, and another attempt goes on. */
const PATIENCE_MS = 60_000;
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 5000;

/** Of a file system that is away or takes no writes, such as one on a network; Node.js says ENOENT if it can make no folder there. */
const AWAY = new Set(['EROFS', 'EIO', 'ESTALE', 'ENOENT']);

/**
 * Writes an artifact that holds what was paid for. If the store fails for a moment, it tries again: an answer that is not
 * saved would be asked for, and paid, once more.
 */
export async function persist(
  store: ArtifactStore,
  log: Log,
  ...[key, body, options]: Parameters<ArtifactStore['write']>
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await store.write(key, body, options);
    } catch (error) {
      const isAway = AWAY.has(String((error as NodeJS.ErrnoException).code)) || isTransientError(error);
      if (!isAway || performance.now() > deadline) throw error;
      if (tries === 1) {
        log.warn(`${key} could not be saved (${(error as Error).name}); it is tried again.`);
        log.measure({ values: { UnsavedArtifacts: 1 } });
      }
      const wait = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** tries);
      await sleep(wait / 2 + (Math.random() * wait) / 2);
    }
  }
}
