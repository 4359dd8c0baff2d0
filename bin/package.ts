/** `node bin/package.ts`: bundles the command line for the installed package, into `dist/cli`. `npm pack` runs it first. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { NODE_BUNDLE, WORKER_BUILD } from '../worker/bundle.ts';
import { buildPage, PAGE_FOLDER } from './build-page.ts';
import { licencesOf } from './licences.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = path.join(ROOT, 'dist/cli');
/** `engines` of package.json. */
const TARGET = 'node22.14';

rmSync(FOLDER, { recursive: true, force: true });
const [cli, worker] = await Promise.all([bundleCommandLine(), bundlePackedWorker()]);
writeFileSync(path.join(FOLDER, 'THIRD_PARTY_LICENSES.txt'), licencesOf(filesOf([cli, worker])));
await buildPage();
cpSync(PAGE_FOLDER, path.join(FOLDER, 'page'), { recursive: true });

async function bundleCommandLine(): Promise<Metafile> {
  const { metafile } = await build({
    ...NODE_BUNDLE,
    absWorkingDir: ROOT,
    entryPoints: {
      main: 'cli/main.ts',
      'dynamodb-thread': 'local/dynamodb/dynamodb-thread.ts',
      batch: 'core/batch/batch-service.ts',
    },
    outdir: FOLDER,
    outExtension: { '.js': '.js' },
    target: TARGET,
    sourcemap: false,
    splitting: true,
    metafile: true,
    // dynalite has native code. esbuild bundles the worker of a checkout; the package has that bundle.
    external: ['dynalite', 'esbuild'],
  });
  return metafile;
}

async function bundlePackedWorker(): Promise<Metafile> {
  const { metafile } = await build({
    ...WORKER_BUILD,
    outdir: path.join(FOLDER, 'worker'),
    target: TARGET,
    sourcemap: false,
    metafile: true,
  });
  return metafile;
}

function filesOf(metafiles: readonly Metafile[]): string[] {
  return metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs)),
  );
}
