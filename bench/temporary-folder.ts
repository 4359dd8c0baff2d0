import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { closeOnce } from './ending.ts';

/** Runs `work` with a temporary folder and removes it afterwards. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'cody-batch-bench-'));
  const remove = closeOnce(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  try {
    return await work(folder);
  } finally {
    await remove();
  }
}
