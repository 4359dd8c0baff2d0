import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { keptBuild } from '../../worker/kept-build.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

test('a bundle is copied while its source is the same, and made again after any change or loss', async () => {
  const [entry, part, lock] = ['entry.ts', 'part.ts', 'lock.json'].map((name) => path.join(folder, name));
  await writeFile(entry!, "import { part } from './part.ts';\nconsole.log(part);\n");
  await writeFile(part!, "export const part = 'first';\n");
  await writeFile(lock!, '{}');
  const cache = path.join(folder, 'cache');
  const outdir = path.join(folder, 'out');
  const bundle = async () => {
    await rm(outdir, { recursive: true, force: true });
    const options = { absWorkingDir: folder, entryPoints: ['entry.ts'], bundle: true, outdir };
    await keptBuild(options, { cache, also: [lock!] });
    return readFile(path.join(outdir, 'entry.js'), 'utf8');
  };
  const mark = async () => {
    const [kept] = (await readdir(cache)).filter((name) => name.startsWith('bundle-'));
    await writeFile(path.join(cache, kept!, 'entry.js'), '// kept\n');
  };
  expect(await bundle()).toContain('first');
  await mark();
  expect(await bundle()).toBe('// kept\n');

  await writeFile(part!, "export const part = 'other';\n");
  expect(await bundle()).toContain('other');
  await mark();
  expect(await bundle()).toBe('// kept\n');
  expect(await readdir(cache)).toHaveLength(2);

  await writeFile(lock!, '{ }');
  expect(await bundle()).toContain('other');

  await rm(cache, { recursive: true });
  await writeFile(cache, 'not a folder');
  expect(await bundle()).toContain('other');
  await rm(cache);
  await mkdir(cache);
  expect(await bundle()).toContain('other');
});
