import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bundleWorker } from '../../worker/bundle.ts';

/** The entry of the worker's bundle, which is made once for all files of a run. Tests do not change it. */
export async function sharedWorkerBundle(): Promise<string> {
  const run = process.env.TEST_RUN_FOLDER!;
  const made = path.join(run, 'worker');
  if (!existsSync(made)) {
    const own = path.join(run, `making-${process.pid}`);
    await bundleWorker(own, { maps: false });
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

/** A worker with another system prompt, as the next version may have it. Returns the entry. */
export async function newerWorkerBundle(folder: string): Promise<string> {
  const entry = await copyWorkerBundle(folder);
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.mjs'))) {
    const source = await readFile(path.join(folder, name), 'utf8');
    const changed = source.replace(
      'You make one change in one Git repository',
      'You change one Git repository',
    );
    if (changed === source) continue;
    await writeFile(path.join(folder, name), changed);
    return entry;
  }
  throw new Error('No file of the worker has the system prompt.');
}
