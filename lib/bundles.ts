import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Metafile, Plugin } from 'esbuild';
import { keptAs, NODE_BUNDLE } from '../worker/bundle.ts';
import { keptBuild } from '../worker/kept-build.ts';

/** The code of one function: `folder` has `index.mjs`, which exports `handler`, and its source map. */
export type FunctionBundle = {
  /** `api`, `credentials`, or the name of the source file, such as `record-result`. */
  readonly name: string;
  readonly kind: 'api' | 'credentials' | 'steps' | 'events' | 'worker' | 'canary';
  readonly folder: string;
};

export type FunctionBundles = {
  readonly functions: readonly FunctionBundle[];
  /** esbuild's list of the inputs and outputs of all bundles. */
  metafile(): Promise<Metafile>;
};

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Bundles every function of `lambdas/`, including the AWS SDK, so that the lock file decides all versions. One build for
 * all functions reads each module once. A checkout makes it again only if a source has changed.
 */
export async function bundleFunctions(folder: string): Promise<FunctionBundles> {
  const functions = [
    { name: 'api', kind: 'api' as const, source: 'lambdas/api/handler.ts' },
    { name: 'credentials', kind: 'credentials' as const, source: 'lambdas/api/credentials.ts' },
    ...sourcesOf('steps'),
    ...sourcesOf('events'),
    ...sourcesOf('worker'),
    ...sourcesOf('canary'),
  ];
  const { cache, also } = keptAs('functions');
  const { metafile } = await keptBuild(
    {
      absWorkingDir: ROOT,
      entryPoints: functions.map(({ name, source }) => ({ in: source, out: `${name}/index` })),
      // Source maps have paths relative to it, so it is the same wherever the bundles are written.
      outdir: path.join(ROOT, 'cdk.out/bundles/functions'),
      ...NODE_BUNDLE,
      sourcesContent: false,
      plugins: [mapOwnSourcesOnly],
    },
    { folder, cache, also: [...also, 'lib/bundles.ts'] },
  );
  return {
    functions: functions.map(({ name, kind }) => ({ name, kind, folder: path.join(folder, name) })),
    metafile,
  };
}

function sourcesOf(kind: 'steps' | 'events' | 'worker' | 'canary') {
  return readdirSync(path.join(ROOT, 'lambdas', kind))
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.ts'.length), kind, source: `lambdas/${kind}/${file}` }));
}

/** An empty source map. */
const EMPTY_MAP = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString('base64');

/** Leaves out the source maps of dependencies, which are nine tenths of all maps and most of what Lambda would load. */
const mapOwnSourcesOnly: Plugin = {
  name: 'map-own-sources-only',
  setup(build) {
    build.onLoad({ filter: /node_modules.*\.[cm]?js$/ }, async ({ path: file }) => ({
      contents: `${await readFile(file, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${EMPTY_MAP}`,
      loader: 'default',
    }));
  },
};
