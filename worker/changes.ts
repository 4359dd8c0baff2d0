import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ChangedFile } from '../core/change-set.ts';
import type { Change } from '../core/repository-result.ts';
import type { Clone } from './clone.ts';
import { type Git, GitBoundExceededError } from './git.ts';
import { stage } from './stage.ts';
import type { Workspace } from './workspace.ts';

const NULL_MODE = '000000';
const DIFF = [
  'diff-index',
  '--cached',
  '--no-renames',
  '--no-ext-diff',
  '--no-textconv',
  '--ignore-submodules=all',
] as const;

const PATCH = ['-p', '--binary', '--full-index', '--src-prefix=a/', '--dst-prefix=b/'] as const;

type ChangeEntry = Change & { mode: string; objectId: string };

/** The most that is kept of a patch: what MAX_PATCH_KIB can be set to at most. */
const MAX_PATCH_BYTES = 16 * 1024 * 1024;

/** What the work tree has that the base commit has not. Ignored files that are new do not count. */
export type Changes = {
  entries: ChangeEntry[];
  /**
   * Applies with `git apply --index` on the base commit. Bytes: a file's text need not be UTF-8. Undefined where it is
   * longer than what is kept.
   */
  patch: Buffer | undefined;
  /** What was left out of entries or patch, and why; a change that has it is never accepted. */
  excess: string | undefined;
};

/**
 * Compares the work tree with the base commit through an index of its own, made from the clone's, so that git's own
 * stays that of the base commit. No filter, diff driver or submodule in the tree takes part.
 */
export async function readChanges(clone: Clone, workspace: Workspace): Promise<Changes> {
  const { git, baseSha } = clone;
  const indexFile = path.join(workspace.own, 'changes.index');
  // With its time of writing: by it git knows which files could have changed since without showing it.
  await cp(path.join(workspace.gitFolder, 'index'), indexFile, { preserveTimestamps: true });
  try {
    const { differs, excess } = await stage(clone, workspace, indexFile);
    if (!differs) return { entries: [], patch: Buffer.alloc(0), excess };
    const [listing, patch] = await Promise.all([
      git.run([...DIFF, '--raw', '--numstat', '--no-abbrev', '-z', baseSha], { indexFile }),
      readPatch(clone, indexFile),
    ]);
    const tooLong = patch ? [] : [`the patch has more than ${MAX_PATCH_BYTES / 1024} KiB`];
    return {
      entries: parseListing(listing),
      patch,
      excess: [...tooLong, excess].filter(Boolean).join('; ') || undefined,
    };
  } catch (error) {
    if (!(error instanceof GitBoundExceededError)) throw error;
    return { entries: [], patch: undefined, excess: error.message };
  } finally {
    await rm(indexFile, { force: true });
  }
}

async function readPatch({ git, baseSha }: Clone, indexFile: string): Promise<Buffer | undefined> {
  try {
    return await git.run([...DIFF, ...PATCH, baseSha], { indexFile, maxBytes: MAX_PATCH_BYTES });
  } catch (error) {
    if (error instanceof GitBoundExceededError) return undefined;
    throw error;
  }
}

/** Reads `--raw --numstat -z`: first `:mode mode id id status NUL path NUL` for all files, then their line counts. */
function parseListing(listing: Buffer): ChangeEntry[] {
  // latin1 tells paths apart that are no UTF-8.
  const fields = listing.toString('latin1').split('\0').slice(0, -1);
  const entries = new Map<string, ChangeEntry>();
  let at = 0;
  for (; fields[at]?.startsWith(':'); at += 2) {
    const [oldMode, mode, , objectId] = fields[at]!.slice(1).split(' ') as [string, string, string, string];
    const file = fields[at + 1]!;
    const status = oldMode === NULL_MODE ? 'added' : mode === NULL_MODE ? 'deleted' : 'modified';
    entries.set(file, { file, status, additions: 0, deletions: 0, mode, objectId });
  }
  for (const field of fields.slice(at)) {
    const [additions, deletions, ...file] = field.split('\t');
    const entry = entries.get(file.join('\t'));
    // A binary file has `-` in place of each count.
    if (entry && additions !== '-') {
      entry.additions = Number(additions);
      entry.deletions = Number(deletions);
    }
  }
  return [...entries.values()].map((entry) => ({
    ...entry,
    file: Buffer.from(entry.file, 'latin1').toString('utf8'),
  }));
}

export function summarizeChanges({ entries }: Changes): Change[] {
  return entries.map(({ file, status, additions, deletions }) => ({ file, status, additions, deletions }));
}

/** The files of a change set, with their bytes as git stores them. */
export async function readChangedFiles(git: Git, { entries }: Changes): Promise<ChangedFile[]> {
  const present = entries.filter(({ status }) => status !== 'deleted');
  const objectIds = [...new Set(present.map(({ objectId }) => objectId))];
  const contents = await readObjects(git, objectIds);
  return entries.map(({ file, status, mode, objectId }): ChangedFile => {
    if (status === 'deleted') return { status, path: file };
    const content = contents.get(objectId)!.toString('base64');
    return { status, path: file, mode: mode as '100644' | '100755' | '120000', content };
  });
}

/** `cat-file --batch` answers each id with `id type size LF content LF`. */
async function readObjects(git: Git, objectIds: readonly string[]): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  if (objectIds.length === 0) return contents;
  const answer = await git.run(['cat-file', '--batch'], { input: Buffer.from(`${objectIds.join('\n')}\n`) });
  for (let at = 0; at < answer.length; ) {
    const lineEnd = answer.indexOf('\n', at);
    const [objectId, , size] = answer.toString('latin1', at, lineEnd).split(' ') as [string, string, string];
    const end = lineEnd + 1 + Number(size);
    contents.set(objectId, answer.subarray(lineEnd + 1, end));
    at = end + 1;
  }
  return contents;
}

/** Brings a tree that equals the base commit to where a patch of `readChanges` left it. */
export async function applyPatch(git: Git, patch: Buffer): Promise<void> {
  if (patch.length === 0) return;
  await git.run(['apply', '--whitespace=nowarn', '--binary', '-'], { input: patch });
}

/** Undoes what setup commands did to files that git knows or could know; what is ignored stays. */
export async function resetTree(git: Git): Promise<void> {
  await git.run(['reset', '--hard', '--quiet', 'HEAD']);
  await git.run(['clean', '-d', '--force', '--quiet']);
}
