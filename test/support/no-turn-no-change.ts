import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import { applyPatch, readChangedFiles, readChanges, resetTree } from '../../worker/checkout/changes.ts';
import { checkOut } from '../../worker/checkout/check-out.ts';
import { absolutePath, legible } from '../../worker/checkout/raw-path.ts';
import { type Edit, generateEdit, generateTree, type Random, randomFrom } from './generated-trees.ts';
import type { RawFile } from './import-trees.ts';
import type { Cloned, RawTrees } from './raw-trees.ts';

export type Case = { branch: string; tree: Map<string, RawFile>; edits: Edit[] };

/** Puts `perCommit` trees as folders into one commit, which is cheap; a single tree is a whole repository. */
export function generateCases(
  seed: number,
  { trees, perCommit }: { trees: number; perCommit: number },
): Case[] {
  return Array.from({ length: trees / perCommit }, (_, i) => {
    const random = randomFrom(seed + i);
    const made = perCommit === 1 ? [generateTree(random)] : severalTrees(random, perCommit);
    return {
      branch: `batch-${seed}/tree-${i}`,
      tree: new Map(made.flatMap((tree) => [...tree])),
      edits: made.flatMap((tree) => (hasFiles(tree) ? [generateEdit(random, tree)] : [])),
    };
  });
}

/** Generates trees as folders that share the attributes of the top folder. */
function severalTrees(random: Random, count: number): Map<string, RawFile>[] {
  const shared = new Map([...generateTree(random)].filter(([file]) => file === '.gitattributes'));
  return [shared, ...Array.from({ length: count }, (_, i) => generateTree(random, `tree-${i}/`))];
}

function hasFiles(tree: ReadonlyMap<string, RawFile>): boolean {
  return [...tree.keys()].some((file) => !/\.gitattributes$/.test(file));
}

/**
 * Processes each case with the worker's functions, in one clone that checks out commit after commit. The
 * oracle works on blobs alone: read by cat-file, edited, stored by `hash-object --no-filters`. Expects of
 * each case that an untouched tree has no change, that the change has exactly the edited files, and that the
 * patch makes the oracle's tree, both with the documented command and from a checkpoint.
 */
export async function checkCases(trees: RawTrees, cases: readonly Case[]): Promise<void> {
  await trees.commit(Object.fromEntries(cases.map(({ branch, tree }) => [branch, tree])));
  const oracles = await expectedTrees(trees, cases);
  const [batch] = cases[0]!.branch.split('/');
  const { clone, workspace } = await trees.clone(cases[0]!.branch);
  await clone.git.fetch(
    ['--quiet', '--no-tags', 'origin', `+refs/heads/${batch}/*:refs/remotes/${batch}/*`],
    {},
  );
  const named = await trees.git(['rev-parse', ...cases.map(({ branch }) => `refs/heads/${branch}`)]);
  const shas = String(named).trim().split('\n');
  const signal = new AbortController().signal;
  for (const [i, one] of cases.entries()) {
    const baseSha = shas[i]!;
    const facts = await checkOut(clone.git, { repositoryName: 'acme/raw', baseSha, signal });
    const cloned: Cloned = { clone: { ...clone, ...facts, baseSha }, workspace };
    await check(trees, { ...one, cloned, oracle: oracles[i]! });
    // The checkout keeps files that the next commit does not have.
    await clone.git.run(['clean', '-d', '-x', '--force', '--quiet']);
  }
  workspace.remove();
}

type Checked = Case & { cloned: Cloned; oracle: Oracle };

async function check(trees: RawTrees, { branch, edits, cloned, oracle }: Checked): Promise<void> {
  const { clone, workspace } = cloned;
  const { tree } = workspace;
  // The branch is part of each comparison, so that a failure names the case.
  touchAll(tree);
  const idle = await readChanges(clone, workspace);
  const noChange = {
    ...{ entries: [], patch: Buffer.alloc(0), excess: undefined },
    ...{ nested: [], withLf: [], unstorable: [] },
  };
  expect({ branch, ...idle }).toEqual({ branch, ...noChange });

  for (const edit of edits) doEdit(tree, edit);
  const changes = await readChanges(clone, workspace);
  const changed = changes.entries.map(({ oldMode: _, ...entry }) => entry);
  expect({ branch, changed: changed.sort(byFile) }).toEqual({
    branch,
    changed: oracle.entries.sort(byFile),
  });
  expect({ branch, withLf: changes.withLf, excess: changes.excess }).toEqual({ branch, withLf: [] });
  const published = await readChangedFiles(clone.git, changes);
  expect(
    published.map((file) => ({
      ...file,
      ...(file.status !== 'deleted' && { content: Buffer.from(file.content, 'base64') }),
    })),
  ).toEqual(
    changes.entries.map(({ file, status, mode, objectId }) =>
      status === 'deleted'
        ? { status, path: file }
        : { status, path: file, mode, content: oracle.blobs.get(objectId) },
    ),
  );

  const made = await commitByHand(trees, { branch, patch: changes.patch! });
  expect({ branch, tree: made }).toEqual({ branch, tree: oracle.tree });

  const left = readTree(tree);
  await resetTree(clone.git);
  await applyPatch(clone.git, changes.patch!);
  expect({ branch, tree: readTree(tree) }).toEqual({ branch, tree: left });
  const restored = await readChanges(clone, workspace);
  expect({ branch, ...restored }).toEqual({ branch, ...changes });
}

/**
 * Applies the patch with the documented command, in a fresh clone with attributes. Returns the commit's tree.
 */
async function commitByHand(
  trees: RawTrees,
  { branch, patch }: { branch: string; patch: Buffer },
): Promise<string> {
  const folder = path.join(trees.folder, 'by-hand');
  await trees.git(['clone', '--quiet', '--branch', branch, trees.bare, folder]);
  const git = (...args: string[]) => trees.git(args, { folder });
  const diff = `${folder}.patch`;
  writeFileSync(diff, patch);
  await git('apply', '--cached', diff);
  await git(
    '-c',
    'user.name=Test',
    '-c',
    'user.email=test@example.com',
    'commit',
    '--quiet',
    '--message=by hand',
  );
  const tree = String(await git('rev-parse', 'HEAD^{tree}')).trim();
  rmSync(folder, { recursive: true });
  return tree;
}

function byFile(one: { file: string }, other: { file: string }): number {
  return one.file < other.file ? -1 : 1;
}

/** Makes git read every file again, which must not change the result. */
function touchAll(tree: string): void {
  for (const file of listFiles(tree)) lutimesSync(absolutePath(tree, file), 1_700_000_000, 1_700_000_000);
}

function doEdit(tree: string, { path: file, mode, change }: Edit): void {
  const target = absolutePath(tree, file);
  const bytes = change(readFileSync(target));
  if (bytes === undefined) {
    unlinkSync(target);
    return;
  }
  writeFileSync(target, bytes);
  chmodSync(target, mode === '100755' ? 0o755 : 0o644);
}

function listFiles(tree: string, folder = ''): string[] {
  return readdirSync(absolutePath(tree, folder || '.'), { encoding: 'latin1', withFileTypes: true }).flatMap(
    (entry) => (entry.isDirectory() ? listFiles(tree, `${folder}${entry.name}/`) : [folder + entry.name]),
  );
}

/** Returns every file with its type and bytes. */
function readTree(tree: string): Record<string, string> {
  return Object.fromEntries(
    listFiles(tree)
      .sort()
      .map((file) => {
        const target = absolutePath(tree, file);
        const stats = lstatSync(target);
        if (stats.isSymbolicLink()) return [file, `link ${readlinkSync(target, 'latin1')}`];
        return [
          file,
          `${(stats.mode & 0o100) === 0 ? 'file' : 'executable'} ${readFileSync(target, 'latin1')}`,
        ];
      }),
  );
}

type Oracle = {
  /** The identifier of the edited tree. */
  tree: string;
  entries: ({ file: string; status: string; mode: string; objectId: string; oldObjectId: string } & Counts)[];
  blobs: ReadonlyMap<string, Buffer>;
};

const NULL_ID = '0'.repeat(40);

/** Builds the edited trees in the bare repository, without conversions: reads, edits and stores the blobs. */
async function expectedTrees(trees: RawTrees, cases: readonly Case[]): Promise<Oracle[]> {
  const listings = await Promise.all(cases.map(({ branch }) => listTree(trees, branch)));
  const before = cases.flatMap(({ edits }, i) => edits.map(({ path: file }) => listings[i]!.get(file)!));
  const bytesOf = await readBlobs(trees, before);
  const after = cases.map(({ edits }, i) =>
    edits.map(({ path: file, change }) => change(bytesOf.get(listings[i]!.get(file)!)!)),
  );
  const written = after.flat().filter((bytes) => bytes !== undefined);
  const ids = await storeBlobs(trees, written);
  const blobs = new Map(ids.map((id, i) => [id, written[i]!]));
  let next = 0;
  return inTurn(cases, async ({ branch, edits }, i) => {
    const index = path.join(trees.folder, 'oracle.index');
    await trees.git(['read-tree', branch], { index });
    const entries = edits.map(({ path: file, mode }, n) => {
      const oldObjectId = listings[i]!.get(file)!;
      if (after[i]![n] === undefined)
        return { file, status: 'deleted', mode: '000000', objectId: NULL_ID, oldObjectId };
      next += 1;
      return { file, status: 'modified', mode: mode as string, objectId: ids[next - 1]!, oldObjectId };
    });
    const input = entries.map(({ file, mode, objectId }) => `${mode} ${objectId}\t${file}\0`).join('');
    await trees.git(['update-index', '-z', '--index-info'], { index, input: Buffer.from(input, 'latin1') });
    const tree = String(await trees.git(['write-tree'], { index })).trim();
    const counts = await countLines(trees, branch, tree);
    return {
      tree,
      blobs,
      entries: entries.map((entry) => ({ ...entry, ...counts.get(entry.file)!, file: legible(entry.file) })),
    };
  });
}

type Counts = { additions: number; deletions: number };

/** Counts without attributes, because a bare repository has no index. */
async function countLines(trees: RawTrees, branch: string, tree: string): Promise<Map<string, Counts>> {
  const listing = await trees.git(['diff-tree', '-r', '--numstat', '--no-renames', '-z', branch, tree]);
  return new Map(
    listing
      .toString('latin1')
      .split('\0')
      .filter(Boolean)
      .map((line) => {
        const [additions, deletions, ...file] = line.split('\t');
        // A binary file has `-` in place of each.
        return [file.join('\t'), { additions: Number(additions) || 0, deletions: Number(deletions) || 0 }];
      }),
  );
}

async function inTurn<T, R>(all: readonly T[], run: (one: T, i: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [i, one] of all.entries()) results.push(await run(one, i));
  return results;
}

/** Returns the identifiers of blobs by path. */
async function listTree(trees: RawTrees, branch: string): Promise<Map<string, string>> {
  const listing = (await trees.git(['ls-tree', '-r', '-z', branch])).toString('latin1');
  const entries = listing.split('\0').filter(Boolean);
  return new Map(
    entries.map((entry) => {
      const tab = entry.indexOf('\t');
      return [entry.slice(tab + 1), entry.slice(tab - 40, tab)];
    }),
  );
}

async function readBlobs(trees: RawTrees, ids: readonly string[]): Promise<Map<string, Buffer>> {
  const answer = await trees.git(['cat-file', '--batch'], { input: Buffer.from(`${ids.join('\n')}\n`) });
  const blobs = new Map<string, Buffer>();
  for (let at = 0; at < answer.length; ) {
    const lineEnd = answer.indexOf('\n', at);
    const [id, , size] = answer.toString('latin1', at, lineEnd).split(' ');
    const end = lineEnd + 1 + Number(size);
    blobs.set(id!, answer.subarray(lineEnd + 1, end));
    at = end + 1;
  }
  return blobs;
}

async function storeBlobs(trees: RawTrees, contents: readonly Buffer[]): Promise<string[]> {
  const folder = mkdtempSync(path.join(trees.folder, 'blobs-'));
  const files = contents.map((bytes, i) => {
    writeFileSync(path.join(folder, String(i)), bytes);
    return path.join(folder, String(i));
  });
  const input = Buffer.from(`${files.join('\n')}\n`);
  const ids = await trees.git(['hash-object', '-w', '--no-filters', '--stdin-paths'], { input });
  return String(ids).trim().split('\n');
}
