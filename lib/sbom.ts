import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Metafile } from 'esbuild';
import { keptAs, WORKER_BUILD } from '../worker/bundle.ts';
import { keptBuild } from '../worker/kept-build.ts';
import { bundleFunctions } from './bundles.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const DEVELOPMENT = 'cdx:npm:package:development';

type Component = { 'bom-ref': string; properties?: { name: string }[] };

/** The parts of CycloneDX that are read or changed here. */
type Bom = {
  serialNumber: string;
  metadata: { component: { name: string; 'bom-ref': string } };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
};

/**
 * Writes three bills of materials and returns their paths: of the package with all of its dependencies, and of the bundles
 * of the worker and of the functions. The other contents of the worker's image (Debian packages, Node.js) are known only
 * after it was built: docs/security.md describes how to list them.
 */
export async function writeSboms(folder: string): Promise<string[]> {
  const all = bomOfAll();
  const boms: Record<string, Bom> = {
    package: withOnly(all, all.components.filter(isInstalled)),
    // Development dependencies count too, since a bundle may include them: `debug` loads supports-color if it is installed.
    worker: partOf(all, 'worker', await metafileOfWorker()),
    functions: partOf(all, 'functions', await metafileOfFunctions()),
  };
  mkdirSync(folder, { recursive: true });
  return Object.entries(boms).map(([name, bom]) => {
    const file = path.join(folder, `${name}.cdx.json`);
    writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`);
    return file;
  });
}

function bomOfAll(): Bom {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const printed = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const bom = JSON.parse(printed) as Bom;
  // npm names it after the folder.
  bom.metadata.component.name = 'cody-batch';
  return bom;
}

/**
 * Whether an installation of the package includes the component. npm's own `--omit dev` also leaves out dependencies that
 * the package and a devDependency share.
 */
function isInstalled({ properties = [] }: Component): boolean {
  return !properties.some(({ name }) => name === DEVELOPMENT);
}

function metafileOfWorker(): Promise<Metafile> {
  return inTemporaryFolder(async (folder) =>
    (await keptBuild(WORKER_BUILD, { folder, ...keptAs('worker') })).metafile(),
  );
}

function metafileOfFunctions(): Promise<Metafile> {
  return inTemporaryFolder(async (folder) => (await bundleFunctions(folder)).metafile());
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cody-batch-sbom-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The components that a bundle contains. Throws if one of them is not in the lock file. */
function partOf(all: Bom, name: string, metafile: Metafile): Bom {
  const refs = packagesIn(metafile);
  const components = all.components.filter((component) => refs.has(component['bom-ref']));
  const known = new Set(components.map((component) => component['bom-ref']));
  const unknown = [...refs].filter((ref) => !known.has(ref));
  if (unknown.length > 0)
    throw new Error(
      `The bundle "${name}" contains ${unknown.join(', ')}, but package-lock.json does not. Run npm ci and try again.`,
    );
  const { metadata } = all;
  return {
    ...withOnly(all, components),
    serialNumber: `urn:uuid:${crypto.randomUUID()}`,
    metadata: { ...metadata, component: { ...metadata.component, name: `cody-batch-${name}` } },
  };
}

function withOnly(bom: Bom, components: Component[]): Bom {
  const refs = new Set([bom.metadata.component, ...components].map((component) => component['bom-ref']));
  return {
    ...bom,
    components,
    dependencies: bom.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) })),
  };
}

/** `name@version` of each package in the bundle, by the lock file. */
function packagesIn({ outputs }: Metafile): Set<string> {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  return new Set(
    files.flatMap((file) => {
      const [, place, name] = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(file) ?? [];
      return place ? [`${name}@${lock.packages[place].version}`] : [];
    }),
  );
}
