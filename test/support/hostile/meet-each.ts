import { rmSync } from 'node:fs';
import { afterAll, beforeAll, test } from '@jest/globals';
import { workerCommand } from '../../../worker/bundle.ts';
import { sharedWorkerBundle } from '../worker-bundle.ts';
import { Stack } from '../worker-stack.ts';
import { CANARIES, type HostileRepository, meet } from './repository.ts';

/** Defines a test for each repository, all on one stack, with the worker bundled as in its image. */
export function meetEach(repositories: readonly HostileRepository[], timeoutMs?: number): void {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start();
    stack.workerCommand = workerCommand(await sharedWorkerBundle());
  });
  afterAll(async () => {
    await stack?.close();
    rmSync(CANARIES, { recursive: true });
  });

  test.each(repositories)(
    'a repository with $has is processed and does no harm',
    async (repository) => void (await meet(stack, repository)),
    timeoutMs,
  );
}
