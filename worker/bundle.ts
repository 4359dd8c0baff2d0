import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { glob } from 'glob';
import { copyFiles, keptBuild } from './kept-build.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The options for all bundles that run without node_modules: the worker and the functions (lib/bundles.ts). */
export const NODE_BUNDLE = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Prefers ES modules: esbuild removes unused code only from those.
  mainFields: ['module', 'main'],
  // CommonJS dependencies call require() for Node's built-in modules.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  // Parses faster. Class names are lost, so errors set `name` to a literal and are matched by it.
  minify: true,
  // For stack traces.
  sourcemap: 'linked',
  logLevel: 'error',
} as const satisfies BuildOptions;

/**
 * The options for the worker's bundle: an entry, and a file for each part that is loaded on demand. Source maps have paths
 * relative to `outdir`, so that is the same wherever the bundle is written.
 */
export const WORKER_BUILD = {
  absWorkingDir: ROOT,
  entryPoints: { worker: 'worker/main.ts' },
  outdir: path.join(ROOT, 'cdk.out/bundles/worker/app'),
  ...NODE_BUNDLE,
  splitting: true,
} as const satisfies BuildOptions;

/** The installed package is JavaScript: it has the worker's bundle, and no esbuild. */
const PACKED_WORKER = import.meta.url.endsWith('.ts') ? undefined : new URL('./worker/', import.meta.url);

/** Where a checkout keeps its last bundle of this name, and what decides a bundle besides the files that are in it. */
export function keptAs(name: string) {
  return {
    cache: path.join(ROOT, 'node_modules/.cache/cody-batch', name),
    also: ['tsconfig.json', 'node_modules/.package-lock.json'],
  };
}

/**
 * Bundles the worker into `folder`, or copies the bundle of the installed package. Returns the path of the entry. Without
 * `maps`, stack traces are not mapped, and the copy is half as large.
 */
export async function bundleWorker(folder: string, { maps = true } = {}): Promise<string> {
  // Files are named by their content hash, so those of an earlier bundle are not overwritten.
  for (const earlier of await glob('*.mjs{,.map}', { cwd: folder, absolute: true })) await rm(earlier);
  if (PACKED_WORKER) await copyFiles(fileURLToPath(PACKED_WORKER), folder);
  else if (maps) await keptBuild(WORKER_BUILD, { folder, ...keptAs('worker') });
  else await keptBuild({ ...WORKER_BUILD, sourcemap: false }, { folder, ...keptAs('local-worker') });
  return path.join(folder, 'worker.mjs');
}

/**
 * The command that starts a bundled worker. The young generation starts at 4 MiB: a worker runs for seconds and allocates
 * most at its start, where collections of 1 MiB cost measurable time (`npm run bench -- worker`).
 */
export function workerCommand(bundle: string): string[] {
  return [process.execPath, '--min-semi-space-size=4', bundle];
}
