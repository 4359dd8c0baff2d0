import { existsSync } from 'node:fs';
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { keptAs, NODE_BUNDLE } from '../../worker/bundle.ts';
import { type KeptOptions, keptBuild } from '../../worker/kept-build.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const BUILD = {
  ...NODE_BUNDLE,
  absWorkingDir: ROOT,
  entryPoints: {
    'start-stack': 'test/support/start-stack.ts',
    'dynamodb-thread': 'local/dynamodb/dynamodb-thread.ts',
  },
  outdir: path.join(ROOT, 'dist/test-stack'),
  outExtension: { '.js': '.js' },
  // Its stack traces are read. The names of its modules then stay, so that the banner may not use one of them.
  minify: false,
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
  },
  sourcemap: false,
  splitting: true,
  external: ['dynalite', 'esbuild', '*/assembled-functions.ts'],
} satisfies KeptOptions;

/**
 * start-stack.ts as a bundle, made once for all files of a run as bin/package.ts makes the installed command: a stack then
 * starts with three quarters of the CPU time, and its processes are forked from less memory.
 */
export async function sharedStackBundle(): Promise<string> {
  const run = process.env.TEST_RUN_FOLDER!;
  const made = path.join(run, 'stack');
  if (!existsSync(made)) {
    const own = path.join(run, `making-stack-${process.pid}`);
    await keptBuild(BUILD, { folder: own, ...keptAs('test-stack') });
    await writeFile(path.join(own, 'package.json'), '{"type":"module"}\n');
    await symlink(path.join(ROOT, 'node_modules'), path.join(own, 'node_modules'));
    // Two files may have made it at once; whichever comes second takes the first one's.
    await rename(own, made).catch(() => rm(own, { recursive: true }));
  }
  return path.join(made, 'start-stack.js');
}
