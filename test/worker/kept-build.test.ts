import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { BuildOptions } from 'esbuild';
import { keptBuild } from '../../worker/kept-build.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: string;
let remove: () => Promise<void>;
/** That of this process before. The command's is set before all: the process of esbuild takes it over. */
const umask = process.umask(0o077);

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterAll(async () => {
  process.umask(umask);
  await remove();
});

test('a bundle is copied while its source is the same, and made again after any change or loss', async () => {
  const [entry, part, lock] = ['entry.ts', 'part.ts', 'lock.json'].map((name) => path.join(folder, name));
  await writeFile(entry!, "import { part } from './part.ts';\nconsole.log(part);\n");
  await writeFile(part!, "export const part = 'first';\n");
  await writeFile(lock!, '{}');
  const cache = path.join(folder, 'cache');
  const out = path.join(folder, 'out');
  const bundle = async (more: BuildOptions = {}) => {
    await rm(out, { recursive: true, force: true });
    const options = { absWorkingDir: folder, entryPoints: ['entry.ts'], bundle: true, outdir: '/plain/out' };
    const { metafile } = await keptBuild(
      { ...options, ...more },
      { folder: out, cache, also: ['lock.json'] },
    );
    expect(Object.keys((await metafile()).inputs)).toEqual(['part.ts', 'entry.ts']);
    return readFile(path.join(out, 'entry.js'), 'utf8');
  };
  const kept = async () => {
    const [name] = (await readdir(cache)).filter((name) => name.startsWith('bundle-'));
    return path.join(cache, name!, 'output/entry.js');
  };
  const mark = async () => {
    const file = await kept();
    await writeFile(file, '// kept\n'.padEnd((await stat(file)).size));
  };
  const isMarked = async () => (await bundle()).startsWith('// kept');
  expect(await bundle()).toContain('first');
  await mark();
  expect(await isMarked()).toBe(true);

  await writeFile(part!, "export const part = 'other';\n");
  expect(await bundle()).toContain('other');
  await mark();
  expect(await isMarked()).toBe(true);
  expect(await readdir(cache)).toHaveLength(2);

  expect(await bundle({ footer: { js: '// more' } })).toContain('// more');
  expect(await bundle()).not.toContain('// more');
  await mark();
  await writeFile(lock!, '{ }');
  expect(await isMarked()).toBe(false);

  await writeFile(await kept(), '');
  expect(await bundle()).toContain('other');

  await rm(cache, { recursive: true });
  await writeFile(cache, 'not a folder');
  expect(await bundle()).toContain('other');
  await rm(cache);
  await mkdir(cache);
  expect(await bundle()).toContain('other');
});

test('a copied checkout does not take the code of the one that it was copied from', async () => {
  const [first, second] = ['checkout', 'checkout-copied'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ];
  const bundle = async (checkout: string) => {
    const options = {
      absWorkingDir: checkout,
      entryPoints: ['entry.ts'],
      outdir: path.join(checkout, 'out'),
    };
    await keptBuild(options, { folder: options.outdir, cache: path.join(checkout, 'cache'), also: [] });
    return readFile(path.join(options.outdir, 'entry.js'), 'utf8');
  };
  await mkdir(first);
  await writeFile(path.join(first, 'entry.ts'), "console.log('first');\n");
  // A bundle is not kept if one of its inputs changed after the build began, to the millisecond.
  await sleep(20);
  expect(await bundle(first)).toContain('first');
  expect(await readdir(path.join(first, 'cache'))).toHaveLength(2);
  await cp(first, second, { recursive: true, preserveTimestamps: true });
  await writeFile(path.join(second, 'entry.ts'), "console.log('other');\n");
  expect(await bundle(second)).toContain('other');
});

test('source maps name the same sources wherever the bundle is written', async () => {
  await writeFile(path.join(folder, 'mapped.ts'), 'console.log(1);\n');
  const out = path.join(folder, 'some/where/deeper');
  const outdir = path.join(folder, 'plain');
  const options = { absWorkingDir: folder, entryPoints: ['mapped.ts'], outdir, sourcemap: 'linked' as const };
  await keptBuild(options, { folder: out, cache: path.join(folder, 'mapped-cache'), also: [] });
  expect(JSON.parse(await readFile(path.join(out, 'mapped.js.map'), 'utf8')).sources).toEqual([
    '../mapped.ts',
  ]);
});

test('a bundle made by the command, whose files are for its user alone, can be copied for workers of another user, or for its own alone', async () => {
  const project = path.join(folder, 'project');
  const [cache, outdir] = [path.join(folder, 'own'), path.join(folder, 'own-out')];
  await mkdir(project);
  await writeFile(path.join(project, 'entry.ts'), 'console.log(1);\n');
  const bundle = async () => {
    await rm(outdir, { recursive: true, force: true });
    await keptBuild(
      { absWorkingDir: project, entryPoints: ['entry.ts'], bundle: true, outdir },
      { folder: outdir, cache, also: [] },
    );
  };
  // A bundle is not kept if one of its inputs changed after the build began, to the millisecond.
  await sleep(20);
  await bundle();
  process.umask(umask);
  const [kept] = (await readdir(cache)).filter((name) => name.startsWith('bundle-'));
  const file = path.join(cache, kept!, 'output/entry.js');
  await writeFile(file, '// kept\n'.padEnd((await stat(file)).size));
  await bundle();
  expect(await readFile(path.join(outdir, 'entry.js'), 'utf8')).toContain('// kept');
  const modeOf = async (file: string) => ((await stat(file)).mode & 0o777).toString(8);
  expect(await modeOf(outdir)).toBe((0o777 & ~umask).toString(8));
  expect(await modeOf(path.join(outdir, 'entry.js'))).toBe((0o644 & ~umask).toString(8));
  process.umask(0o077);
  await bundle();
  process.umask(umask);
  expect([await modeOf(outdir), await modeOf(path.join(outdir, 'entry.js'))]).toEqual(['700', '600']);
});
