import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BuildOptions } from 'esbuild';

/** The files of the last build that was kept. Its output is in the folder that is named by their state. */
const INPUTS = 'inputs.json';

/**
 * Bundles into `outdir`, or copies an earlier output from `cache` if none of the files that it was made of has changed. A
 * bundle takes a second of CPU time, and a copy takes some milliseconds. `also` lists files that decide the output without
 * being part of it. Best effort: if the cache cannot be read or written, this only bundles.
 */
export async function keptBuild(
  options: BuildOptions & { outdir: string; absWorkingDir: string },
  { cache, also }: { cache: string; also: readonly string[] },
): Promise<void> {
  if (await copyKept(cache, options.outdir)) return;
  const startedAt = Date.now();
  const { metafile } = await (await import('esbuild')).build({ ...options, metafile: true });
  const absolute = (file: string) => path.resolve(options.absWorkingDir, file);
  const inputs = [...also, ...Object.keys(metafile.inputs).map(absolute)];
  await keep(cache, inputs, Object.keys(metafile.outputs).map(absolute), startedAt).catch(() => {});
}

async function copyKept(cache: string, folder: string): Promise<boolean> {
  try {
    const files = JSON.parse(await readFile(path.join(cache, INPUTS), 'utf8')) as string[];
    await copyFiles(path.join(cache, stateName(await statesOf(files))), folder);
    return true;
  } catch {
    return false;
  }
}

async function keep(
  cache: string,
  inputs: readonly string[],
  outputs: readonly string[],
  startedAt: number,
): Promise<void> {
  const states = await statesOf(inputs);
  // The bundle may have the older content of such a file.
  if (states.some(({ changedAt }) => changedAt >= startedAt)) return;
  const own = path.join(cache, `making-${randomUUID()}`);
  try {
    await mkdir(own, { recursive: true });
    for (const file of outputs) await copyFile(file, path.join(own, path.basename(file)));
    const name = stateName(states);
    await rename(own, path.join(cache, name));
    await writeFile(path.join(cache, `${name}.json`), JSON.stringify(inputs));
    await rename(path.join(cache, `${name}.json`), path.join(cache, INPUTS));
    for (const other of await readdir(cache))
      if (other.startsWith('bundle-') && other !== name)
        await rm(path.join(cache, other), { recursive: true, force: true });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/**
 * Copies the files of a folder, and none of their modes: an installation may be read-only, and what the command writes is for
 * its user alone.
 */
export async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const file of await readdir(from))
    await writeFile(path.join(to, file), await readFile(path.join(from, file)));
}

type FileState = { text: string; changedAt: number };

/** A file's change time is newer after any write. npm sets its modification time, which can stay the same. */
function statesOf(files: readonly string[]): Promise<FileState[]> {
  return Promise.all(
    files.map(async (file) => {
      const { ctimeMs, size } = await stat(file);
      return { text: `${file} ${ctimeMs} ${size}`, changedAt: ctimeMs };
    }),
  );
}

function stateName(states: readonly FileState[]): string {
  const text = states.map((state) => state.text).join('\n');
  return `bundle-${createHash('sha256').update(text).digest('hex')}`;
}
