import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Shapes, shapesOf } from '../../core/shape/shape.ts';
import { type Figure, type Log, type Row, row, type Unit } from '../figure.ts';
import { git, makeSource } from '../repositories.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';

const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const MILLISECONDS: Unit = { name: 'ms', digits: 3 };
const ROUNDS = 5;
/** Of each task, in the order of their names. */
const MAX_PACKAGES = 60;

/** Issue 15's bar for the largest class of a literal task. */
const LARGEST_SHARE = 0.85;

/** Lines that count whole. Published packages have them far more often than repositories do. */
const isMinified = (text: string) => text.split('\n').some(({ length }) => length > 10_000);

type Task = { name: string; replaced: RegExp; by: string };

const TASKS: readonly Task[] = [
  { name: '.substr( → .slice(', replaced: /\.substr\(/g, by: '.slice(' },
  { name: "require('fs') → 'node:fs'", replaced: /require\((['"])fs\1\)/g, by: 'require($1node:fs$1)' },
  {
    name: 'hasOwnProperty.call( → Object.hasOwn(',
    replaced: /\bObject\.prototype\.hasOwnProperty\.call\(/g,
    by: 'Object.hasOwn(',
  },
];

/** Into how many classes the same task falls over real packages, and what finding them takes. */
export function measureShapes(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (folder) => {
    const files = await scripts();
    const rows: Row[] = [];
    const patches: Buffer[] = [];
    for (const task of TASKS) {
      log(`shapes: ${task.name}`);
      const ofTask = await patchesOf(task, files, folder);
      patches.push(...ofTask);
      rows.push(
        ...groups(
          task,
          ofTask.map(shapesOf).filter((shapes) => shapes !== undefined),
        ),
      );
    }
    const perPatch: number[] = [];
    const floor: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      perPatch.push(timeEach(patches, shapesOf));
      floor.push(timeEach(patches, (patch) => createHash('sha256').update(patch).digest('hex')));
    }
    rows.push(row('shape, kin and patchSha, per patch', MILLISECONDS, perPatch, { floor }));
    const size = patches.reduce((sum, { length }) => sum + length, 0) / 2 ** 20;
    return {
      title: `Shapes of ${patches.length} changes`,
      method: [
        `Each task is one literal replacement in every script of up to ${MAX_PACKAGES} installed packages that have it, except minified ones, which count whole. The share is that of the class with the most packages.`,
        `Time per patch over all patches (${size.toFixed(1)} MiB), medians of ${ROUNDS} interleaved rounds in one process; the floor is the SHA-256 of the patch.`,
      ],
      rows,
    };
  });
}

function groups({ name }: Task, changes: readonly Shapes[]): Row[] {
  const kinds = ['shape', 'kin'] as const;
  return kinds.map((kind) => {
    const sizes = Object.values(Object.groupBy(changes, (shapes) => shapes[kind])).map(
      (group) => group!.length,
    );
    const share = Math.max(...sizes) / changes.length;
    return {
      quantity: `${name}: ${kind}`,
      value: `${sizes.length} for ${changes.length}, largest ${(share * 100).toFixed(0)} %`,
      ...(kind === 'shape' && {
        goal: `largest at least ${LARGEST_SHARE * 100} %`,
        met: share >= LARGEST_SHARE,
      }),
    };
  });
}

function timeEach(patches: readonly Buffer[], work: (patch: Buffer) => unknown): number {
  const start = performance.now();
  for (const patch of patches) work(patch);
  return (performance.now() - start) / patches.length;
}

/** The scripts of each installed package, by its name. */
async function scripts(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const entries = await readdir(PACKAGES, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || !/\.[cm]?js$/.test(entry.name)) continue;
    const file = path.relative(PACKAGES, path.join(entry.parentPath, entry.name));
    const parts = file.split(path.sep);
    const name = parts.splice(0, parts[0]!.startsWith('@') ? 2 : 1).join('/');
    if (parts.length === 0 || parts.includes('node_modules')) continue;
    const files = found.get(name);
    if (files) files.push(parts.join('/'));
    else found.set(name, [parts.join('/')]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function patchesOf(
  { replaced, by }: Task,
  packages: Map<string, string[]>,
  parent: string,
): Promise<Buffer[]> {
  const patches: Buffer[] = [];
  for (const [name, files] of packages) {
    if (patches.length === MAX_PACKAGES) break;
    const edited = await Promise.all(
      files.map(async (file) => {
        const text = await readFile(path.join(PACKAGES, name, file), 'latin1');
        return { file, text, after: isMinified(text) ? text : text.replace(replaced, by) };
      }),
    );
    const changed = edited.filter(({ text, after }) => text !== after);
    if (changed.length === 0) continue;
    const { folder } = await makeSource(name, parent);
    for (const { file, after } of changed) await writeFile(path.join(folder, file), after, 'latin1');
    const patch = await git(
      folder,
      ...['diff', '-p', '--binary', '--full-index', '--no-renames', '--no-ext-diff'],
      ...['--src-prefix=a/', '--dst-prefix=b/', 'HEAD'],
    );
    patches.push(Buffer.from(patch));
    await rm(folder, { recursive: true });
  }
  return patches;
}
