import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile, type Plugin } from 'esbuild';
import { NODE_BUNDLE } from '../worker/bundle.ts';

/** What one function is made of: `folder` holds `index.mjs` with the export `handler`, and its source map. */
export type FunctionBundle = {
  /** `api`, or the step's name as its file has it: `record-result`. */
  readonly name: string;
  readonly kind: 'api' | 'steps' | 'events' | 'worker';
  readonly folder: string;
};

export type FunctionBundles = {
  readonly functions: readonly FunctionBundle[];
  readonly metafile: Metafile;
};

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Bundles every function of `lambdas/`, the AWS SDK included, so that what runs is what the lock file names. One build
 * for all: a build for each would read the same modules a dozen times.
 */
export async function bundleFunctions(folder: string): Promise<FunctionBundles> {
  const functions = [
    { name: 'api', kind: 'api' as const, source: 'lambdas/api/handler.ts' },
    ...sourcesOf('steps'),
    ...sourcesOf('events'),
    ...sourcesOf('worker'),
  ];
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: functions.map(({ name, source }) => ({ in: source, out: `${name}/index` })),
    outdir: folder,
    ...NODE_BUNDLE,
    sourcesContent: false,
    plugins: [mapOwnSourcesOnly],
    metafile: true,
  });
  return {
    functions: functions.map(({ name, kind }) => ({ name, kind, folder: path.join(folder, name) })),
    metafile,
  };
}

function sourcesOf(kind: 'steps' | 'events' | 'worker') {
  return readdirSync(path.join(ROOT, 'lambdas', kind))
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.ts'.length), kind, source: `lambdas/${kind}/${file}` }));
}

/** A map of nothing. */
const EMPTY_MAP = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString('base64');

/** Maps of dependencies are nine tenths of all maps, and would be most of what Lambda loads. */
const mapOwnSourcesOnly: Plugin = {
  name: 'map-own-sources-only',
  setup(build) {
    build.onLoad({ filter: /node_modules.*\.[cm]?js$/ }, async ({ path: file }) => ({
      contents: `${await readFile(file, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${EMPTY_MAP}`,
      loader: 'default',
    }));
  },
};
