import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
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

test('a bundle made by the command, whose files are for its user alone, can be copied for workers of another user, or for its own alone', async () => {
  const project = path.join(folder, 'project');
  const [cache, outdir] = [path.join(folder, 'own'), path.join(folder, 'own-out')];
  await mkdir(project);
  await writeFile(path.join(project, 'entry.ts'), 'console.log(1);\n');
  const bundle = async () => {
    await rm(outdir, { recursive: true, force: true });
    await keptBuild(
      { absWorkingDir: project, entryPoints: ['entry.ts'], bundle: true, outdir },
      { cache, also: [] },
    );
  };
  // What was written at the same moment would not be kept.
  await sleep(20);
  await bundle();
  process.umask(umask);
  const [kept] = (await readdir(cache)).filter((name) => name.startsWith('bundle-'));
  await appendFile(path.join(cache, kept!, 'entry.js'), '// kept\n');
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
