import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { glob } from 'glob';

/** How whatever runs without packages beside it is bundled: the worker, and the functions (lib/bundles.ts). */
export const NODE_BUNDLE = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // The ES modules of packages that have both kinds: only from those does esbuild leave out what nobody uses.
  mainFields: ['module', 'main'],
  // CommonJS dependencies call require() for Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  // Less to parse at each start. Names of classes are lost; errors are matched by `name`, which each sets to a literal.
  minify: true,
  // For whoever reads a stack.
  sourcemap: 'linked',
  logLevel: 'error',
} as const satisfies BuildOptions;

/** How the worker is built into `folder`: an entry, and a file for each part that is loaded on demand. */
export function workerBuild(folder: string) {
  return {
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    entryPoints: { worker: 'worker/main.ts' },
    outdir: folder,
    ...NODE_BUNDLE,
    splitting: true,
  } as const satisfies BuildOptions;
}

/**
 * Bundles the worker as its container image has it: an entry, and a file for each part that is loaded on demand, so that
 * what a run does not need is not read either. Returns the entry.
 */
export async function bundleWorker(folder: string): Promise<string> {
  // Parts are named by their content: those of an earlier bundle would stay for good.
  for (const earlier of await glob('*.mjs{,.map}', { cwd: folder, absolute: true })) await rm(earlier);
  await build(workerBuild(path.resolve(folder)));
  return path.join(folder, 'worker.mjs');
}

/**
 * How a bundled worker is started. Its young generation starts at 4 MiB: a worker lives for seconds and allocates most
 * at its start, where collecting 1 MiB at a time shows in its wall and CPU (`npm run bench -- worker`).
 */
export function workerCommand(bundle: string): string[] {
  return [process.execPath, '--min-semi-space-size=4', bundle];
}
