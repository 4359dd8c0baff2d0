import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Where test files of one run share what is dear to make. Jest runs this once, before and after all of them. */
export default async function makeRunFolder(): Promise<void> {
  process.env.TEST_RUN_FOLDER = await mkdtemp(path.join(tmpdir(), 'cody-batch-run-'));
  // Hundreds of processes load the same modules; half of their CPU time is compilation.
  process.env.NODE_COMPILE_CACHE = path.join(process.env.TEST_RUN_FOLDER, 'compile-cache');
}

export async function removeRunFolder(): Promise<void> {
  await rm(process.env.TEST_RUN_FOLDER!, { recursive: true, force: true, maxRetries: 3 });
}
