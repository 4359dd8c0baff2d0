/** `node bin/package.ts`: bundles the command line for the installed package, into `dist/cli`. `npm pack` runs it first. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { NODE_BUNDLE, workerBuild } from '../worker/bundle.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = path.join(ROOT, 'dist/cli');
/** `engines` of package.json. */
const TARGET = 'node22.14';

rmSync(FOLDER, { recursive: true, force: true });
const [cli, worker] = await Promise.all([bundleCommandLine(), bundlePackedWorker()]);
writeFileSync(path.join(FOLDER, 'THIRD_PARTY_LICENSES.txt'), licencesOf([cli, worker]));

async function bundleCommandLine(): Promise<Metafile> {
  const { metafile } = await build({
    ...NODE_BUNDLE,
    absWorkingDir: ROOT,
    entryPoints: { main: 'cli/main.ts', 'dynamodb-thread': 'local/dynamodb/dynamodb-thread.ts' },
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
    ...workerBuild(path.join(FOLDER, 'worker')),
    target: TARGET,
    sourcemap: false,
    metafile: true,
  });
  return metafile;
}

/** The licence of every package that the bundles contain, as their authors ask. Equal texts are given once. */
function licencesOf(metafiles: readonly Metafile[]): string {
  const files = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs)),
  );
  const folders = new Set(
    files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? []),
  );
  const packages = [...folders].sort().map(licenceOf);
  return [...Map.groupBy(packages, ({ text }) => text)]
    .map(([text, same]) => `${same.map(({ title }) => `${title}\n`).join('')}\n${text}`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function licenceOf(place: string): { title: string; text: string } {
  const folder = path.join(ROOT, place);
  const { name, version, license, author } = JSON.parse(
    readFileSync(path.join(folder, 'package.json'), 'utf8'),
  );
  const title = `${name} ${version} (${license})`;
  const text = readdirSync(folder)
    .filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
    .sort()
    .map((file) => `${readFileSync(path.join(folder, file), 'utf8').trim()}\n`)
    .join('\n');
  const by = typeof author === 'string' ? author : author?.name;
  return { title, text: text || `Licence: ${license}${by ? `\nCopyright: ${by}` : ''}\n` };
}
