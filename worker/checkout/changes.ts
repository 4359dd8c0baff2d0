import { copyFile, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { ChangedFile } from '../../core/change-set.ts';
import { GitBoundExceededError } from '../../core/git-process.ts';
import type { Change } from '../../core/repository-result.ts';
import type { Redactor } from '../sandbox/redact.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import type { Clone } from './clone.ts';
import { DIFF, type Difference, NULL_MODE } from './diff-index.ts';
import type { Git } from './git.ts';
import { readObjects, scanObjects } from './objects.ts';
import { legible } from './raw-path.ts';
import { stage } from './stage.ts';

const PATCH = ['-p', '--binary', '--full-index', '--src-prefix=a/', '--dst-prefix=b/'] as const;

type ChangeEntry = Change & { mode: string; objectId: string; oldMode: string; oldObjectId: string };

/** The highest value of MAX_PATCH_KIB. */
const MAX_PATCH_BYTES = 16 * 1024 * 1024;

/** The difference between the work tree and the base commit, without new files that git ignores. */
export type Changes = {
  entries: ChangeEntry[];
  /**
   * Applies with `git apply --cached` on the base commit. Bytes, because a file's text need not be UTF-8.
   * Undefined if it is longer than MAX_PATCH_BYTES.
   */
  patch: Buffer | undefined;
  /** The reason why entries or patch are incomplete, if they are; such a change is never accepted. */
  excess: string | undefined;
  /** Raw paths of nested git repositories, which are left out. */
  nested: readonly string[];
  /** Files that .gitattributes make text: written with CRLF, stored with LF as `git add` would. */
  withLf: readonly string[];
  /**
   * Files that .gitattributes do not allow to be stored as they are, each with its reason; never accepted.
   */
  unstorable: readonly string[];
};

/**
 * Compares the work tree with the base commit through a copy of the clone's index, so that the clone's index
 * stays that of the base commit.
 */
export async function readChanges(clone: Clone, workspace: Workspace): Promise<Changes> {
  const indexFile = path.join(workspace.privateFolder, 'changes.index');
  await copyIndex(path.join(workspace.gitFolder, 'index'), indexFile);
  try {
    const { differences, ...staged } = await stage(clone, workspace, indexFile);
    if (differences.length === 0) return { entries: [], patch: Buffer.alloc(0), ...staged };
    const patch = await readPatch(clone, indexFile);
    const tooLong = patch ? [] : [`the patch has more than ${MAX_PATCH_BYTES / 1024} KiB`];
    return {
      ...staged,
      entries: differences.map(entryOf),
      patch,
      excess: [...tooLong, staged.excess].filter(Boolean).join('; ') || undefined,
    };
  } catch (error) {
    if (!(error instanceof GitBoundExceededError)) throw error;
    return { entries: [], patch: undefined, excess: error.message, nested: [], withLf: [], unstorable: [] };
  } finally {
    await rm(indexFile, { force: true });
  }
}

/**
 * Keeps the modification time: git reads again all files that are not older than its index. It is rounded
 * down to whole seconds, so that git reads too many files rather than too few.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const written = Math.floor((await stat(from)).mtimeMs / 1000);
  await utimes(to, written, written);
}

async function readPatch({ git, baseSha }: Clone, indexFile: string): Promise<Buffer | undefined> {
  try {
    return await git.run([...DIFF, ...PATCH, baseSha], { indexFile, maxBytes: MAX_PATCH_BYTES });
  } catch (error) {
    if (error instanceof GitBoundExceededError) return undefined;
    throw error;
  }
}

function entryOf(difference: Difference): ChangeEntry {
  const { path: file, oldMode, oldId, mode, id, additions, deletions } = difference;
  const status = oldMode === NULL_MODE ? 'added' : mode === NULL_MODE ? 'deleted' : 'modified';
  return {
    file: legible(file),
    status,
    additions,
    deletions,
    mode,
    objectId: id,
    oldMode,
    oldObjectId: oldId,
  };
}

export function summarizeChanges({ entries }: Changes): Change[] {
  return entries.map(({ file, status, additions, deletions }) => ({ file, status, additions, deletions }));
}

/** Returns the files of a change set, with the bytes that git stores. */
export async function readChangedFiles(git: Git, { entries }: Changes): Promise<ChangedFile[]> {
  const present = entries.filter(({ status }) => status !== 'deleted');
  const contents = await readObjects(
    git,
    present.map(({ objectId }) => objectId),
  );
  return entries.map(({ file, status, mode, objectId }): ChangedFile => {
    if (status === 'deleted') return { status, path: file };
    const content = contents.get(objectId)!.toString('base64');
    return { status, path: file, mode: mode as '100644' | '100755' | '120000', content };
  });
}

/**
 * Returns the files of a change that hold a secret, before or after it. Searches the blobs, because a patch
 * has binary files compressed.
 */
export async function filesWithSecrets(
  git: Git,
  { entries }: Pick<Changes, 'entries'>,
  redactor: Redactor,
): Promise<string[]> {
  // A checkpoint and the check of the submission after it ask for the same entries.
  const known = searched.get(entries);
  if (known?.redactor === redactor && known.forms === redactor.forms) return known.found;
  const { forms } = redactor;
  const found = await searchForSecrets(git, entries, redactor);
  searched.set(entries, { redactor, forms, found });
  return found;
}

const searched = new WeakMap<
  readonly ChangeEntry[],
  { redactor: Redactor; forms: number; found: string[] }
>();

async function searchForSecrets(
  git: Git,
  entries: readonly ChangeEntry[],
  redactor: Redactor,
): Promise<string[]> {
  const sides = entries.flatMap(({ file, mode, objectId, oldMode, oldObjectId }) => [
    { file, mode, id: objectId },
    { file, mode: oldMode, id: oldObjectId },
  ]);
  const blobs = sides.filter(({ mode }) => mode !== NULL_MODE && mode !== SUBMODULE_MODE);
  const found = new Set<string>();
  const overlap = redactor.longestBytes;
  let before: { id: string; end: Buffer } = { id: '', end: Buffer.alloc(0) };
  const take = (id: string, piece: Buffer) => {
    const bytes = before.id === id ? Buffer.concat([before.end, piece]) : piece;
    if (redactor.isIn(bytes)) found.add(id);
    before = { id, end: bytes.subarray(Math.max(0, bytes.length - overlap)) };
  };
  if (overlap > 0)
    await scanObjects(
      git,
      blobs.map(({ id }) => id),
      take,
    );
  return [...new Set(blobs.filter(({ id }) => found.has(id)).map(({ file }) => file))];
}

const SUBMODULE_MODE = '160000';

/** Applies a patch of `readChanges` to a tree that equals the base commit. */
export async function applyPatch(git: Git, patch: Buffer): Promise<void> {
  if (patch.length === 0) return;
  await git.run(['apply', '--whitespace=nowarn', '--binary', '-'], { input: patch });
}

/** Resets the tree to the base commit after setup commands; ignored files stay. */
export async function resetTree(git: Git): Promise<void> {
  const reset = () => git.run(['reset', '--hard', '--quiet', 'HEAD']);
  await reset();
  await git.run(['clean', '-d', '--force', '--quiet']);
  // If a link to moved files has replaced their folder, they look unchanged until `clean` has removed the
  // link.
  await reset();
}
