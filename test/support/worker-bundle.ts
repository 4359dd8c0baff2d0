import { existsSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { bundleWorker } from '../../worker/bundle.ts';

/** The entry of the worker's bundle, which is made once for all files of a run. Tests do not change it. */
export async function sharedWorkerBundle(): Promise<string> {
  const run = process.env.TEST_RUN_FOLDER!;
  const made = path.join(run, 'worker');
  if (!existsSync(made)) {
    const own = path.join(run, `making-${process.pid}`);
    await bundleWorker(own);
    // Two files may have made it at once; whichever comes second takes the first one's.
    await rename(own, made).catch(() => rm(own, { recursive: true }));
  }
  return path.join(made, 'worker.mjs');
}

/** Copies the shared bundle into the folder, for tests that find their workers by this folder. Returns the entry. */
export async function copyWorkerBundle(folder: string): Promise<string> {
  await cp(path.dirname(await sharedWorkerBundle()), folder, { recursive: true });
  return path.join(folder, 'worker.mjs');
}
