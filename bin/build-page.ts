import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Manifest, type Plugin } from 'vite';
import config from '../web/vite.config.ts';
import { licencesOf } from './licences.ts';
import { replaceFolder } from './replace-folder.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const PAGE_FOLDER = path.join(ROOT, 'web/dist');

/** The most that a first visit loads, compressed: a second on a slow mobile connection. */
const MAX_FIRST_LOAD_KIB = 150;

/** The chunks of a build, by their place in `web/dist`. */
type Chunk = Manifest[string];

/**
 * Builds the page into `web/dist`. Throws if its first load is too large. Returns the size of that load in KiB. The page is
 * built beside that folder and then moved, so that a `serve` that starts meanwhile reads the earlier page or this one, and
 * never a part.
 */
export async function buildPage(): Promise<number> {
  const folder = path.join(ROOT, `web/dist.${process.pid}`);
  try {
    const kib = await buildInto(folder);
    replaceFolder(PAGE_FOLDER, folder);
    return kib;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function buildInto(folder: string): Promise<number> {
  const modules: string[] = [];
  // A shell or a test that sets it otherwise would get React's development build, which is several times as large.
  process.env.NODE_ENV = 'production';
  await build({
    ...config,
    configFile: false,
    logLevel: 'error',
    plugins: [collect(modules)],
    build: { ...config.build, outDir: folder },
  });
  writeFileSync(
    path.join(folder, 'THIRD_PARTY_LICENSES.txt'),
    licencesOf(modules.map((file) => path.relative(ROOT, file))),
  );
  const kib = firstLoadKiB(folder);
  if (kib > MAX_FIRST_LOAD_KIB) {
    throw new Error(
      `The first load of the page has ${kib.toFixed(1)} KiB compressed; at most ${MAX_FIRST_LOAD_KIB} are allowed. Load what a first visit does not show by import().`,
    );
  }
  return kib;
}

/** The files that went into the bundle, whose licences are shipped. */
function collect(modules: string[]): Plugin {
  return {
    name: 'collect-modules',
    generateBundle(_options, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type === 'chunk') modules.push(...output.moduleIds);
      }
    },
  };
}

/** index.html, and the scripts and styles that it loads without a click. */
function firstLoadKiB(folder: string): number {
  const manifest: Manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8'));
  const files = new Set(['index.html']);
  const add = (chunk: Chunk | undefined) => {
    if (!chunk || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const file of chunk.css ?? []) files.add(file);
    for (const name of chunk.imports ?? []) add(manifest[name]);
  };
  add(manifest['index.html']);
  const sizes = [...files].map(
    (file) => gzipSync(readFileSync(path.join(folder, file)), { level: 9 }).length,
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}
