import { createHash, randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BuildOptions, Metafile } from 'esbuild';

/** Lists the inputs and outputs of the kept bundle. A hash of the options and of the inputs' states names its folder. */
const MADE_OF = 'made-of.json';
/** Beside the output. */
const METAFILE = 'metafile.json';

/** Paths are relative: of inputs to the working directory, of outputs to `outdir`. The number is the size in bytes. */
type MadeOf = { inputs: string[]; outputs: Record<string, number> };

export type KeptOptions = BuildOptions & { outdir: string; absWorkingDir: string };
export type KeptBundle = { metafile(): Promise<Metafile> };

/**
 * Writes into `folder` what esbuild would write into `outdir`, or copies an earlier output from `cache` if neither the options
 * nor any of the files that it was made of have changed. A bundle takes seconds of CPU time, and a copy takes some
 * milliseconds. `also` lists files that decide the output without being part of it. Best effort: if the cache cannot be read
 * or written, this only bundles.
 */
export async function keptBuild(
  options: KeptOptions,
  { folder, cache, also }: { folder: string; cache: string; also: readonly string[] },
): Promise<KeptBundle> {
  const kept = await copyKept(options, cache, folder);
  if (kept) return kept;
  const startedAt = Date.now();
  const { build } = await import('esbuild');
  const { metafile, outputFiles } = await build({ ...options, metafile: true, write: false });
  const outputs = outputFiles.map(
    (file) => [path.relative(options.outdir, file.path), file.contents] as const,
  );
  await writeFiles(folder, outputs);
  const inputs = [...also, ...Object.keys(metafile.inputs)].map((file) =>
    path.relative(options.absWorkingDir, path.resolve(options.absWorkingDir, file)),
  );
  await keep(options, cache, { inputs, outputs, metafile, startedAt }).catch(() => {});
  return { metafile: async () => metafile };
}

async function copyKept(
  options: KeptOptions,
  cache: string,
  folder: string,
): Promise<KeptBundle | undefined> {
  try {
    const { inputs, outputs } = JSON.parse(await readFile(path.join(cache, MADE_OF), 'utf8')) as MadeOf;
    const kept = path.join(cache, stateName(options, statesOf(options, inputs)));
    // All are read before the first is written: another process may remove them.
    const files = await Promise.all(
      Object.entries(outputs).map(async ([name, bytes]) => {
        const content = await readFile(path.join(kept, 'output', name));
        // A file that was lost in a power failure can be empty.
        if (content.length !== bytes) throw new Error(`${name} has ${content.length} bytes, not ${bytes}.`);
        return [name, content] as const;
      }),
    );
    await writeFiles(folder, files);
    return { metafile: async () => JSON.parse(await readFile(path.join(kept, METAFILE), 'utf8')) };
  } catch {
    return undefined;
  }
}

type Files = readonly (readonly [name: string, content: Uint8Array])[];

async function keep(
  options: KeptOptions,
  cache: string,
  made: { inputs: string[]; outputs: Files; metafile: Metafile; startedAt: number },
): Promise<void> {
  const states = statesOf(options, made.inputs);
  // The bundle may have the older content of such a file.
  if (states.some(({ changedAt }) => changedAt >= made.startedAt)) return;
  const own = path.join(cache, `making-${randomUUID()}`);
  try {
    await writeFiles(path.join(own, 'output'), made.outputs);
    await writeFile(path.join(own, METAFILE), JSON.stringify(made.metafile));
    const name = stateName(options, states);
    await rename(own, path.join(cache, name));
    const outputs = Object.fromEntries(made.outputs.map(([file, { length }]) => [file, length]));
    const madeOf: MadeOf = { inputs: made.inputs, outputs };
    await writeFile(path.join(cache, `${name}.json`), JSON.stringify(madeOf));
    await rename(path.join(cache, `${name}.json`), path.join(cache, MADE_OF));
    for (const other of await readdir(cache))
      if (other.startsWith('bundle-') && other !== name)
        await rm(path.join(cache, other), { recursive: true, force: true });
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const directory of new Set(files.map(([name]) => path.dirname(path.join(folder, name)))))
    await mkdir(directory, { recursive: true });
  for (const [name, content] of files) await writeFile(path.join(folder, name), content);
}

/**
 * Copies the files of a folder, and none of their modes: an installation may be read-only, and what the command writes is for
 * its user alone.
 */
export async function copyFiles(from: string, to: string): Promise<void> {
  const names = await readdir(from);
  await writeFiles(
    to,
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(from, name))] as const)),
  );
}

type FileState = { text: string; changedAt: number };

/** A file's change time is newer after any write. npm sets its modification time, which can stay the same. */
function statesOf({ absWorkingDir }: KeptOptions, files: readonly string[]): FileState[] {
  return files.map((file) => {
    // 2,000 promises would take longer than the calls.
    const { ctimeMs, size } = statSync(path.resolve(absWorkingDir, file));
    return { text: `${file} ${ctimeMs} ${size}`, changedAt: ctimeMs };
  });
}

/** The options have the working directory too, so that the cache of a copied checkout is not taken for its own. */
function stateName(options: KeptOptions, states: readonly FileState[]): string {
  const text = [JSON.stringify(options), ...states.map((state) => state.text)].join('\n');
  return `bundle-${createHash('sha256').update(text).digest('hex')}`;
}
