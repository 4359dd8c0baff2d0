import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ChangedFile } from '../core/change-set.ts';
import type { Change } from '../core/repository-result.ts';
import type { Git } from './git.ts';
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

/** What the work tree has that the base commit has not. Ignored files that are new do not count. */
export type Changes = {
  entries: ChangeEntry[];
  /** Applies with `git apply --index` on the base commit. Bytes: a file's text need not be UTF-8. */
  patch: Buffer;
};

/**
 * Compares the work tree with the base commit through an index of its own, made from the clone's, so that git's own
 * stays that of the base commit. No filter, diff driver or submodule in the tree takes part.
 */
export async function readChanges(git: Git, workspace: Workspace, baseSha: string): Promise<Changes> {
  const indexFile = path.join(workspace.scratch, 'changes.index');
  // With its time of writing: by it git knows which files could have changed since without showing it.
  await cp(path.join(workspace.gitFolder, 'index'), indexFile, { preserveTimestamps: true });
  try {
    if (!(await stage(git, indexFile))) return { entries: [], patch: Buffer.alloc(0) };
    const [listing, patch] = await Promise.all([
      git.run([...DIFF, '--raw', '--numstat', '--no-abbrev', '-z', baseSha], { indexFile }),
      git.run([...DIFF, ...PATCH, baseSha], { indexFile }),
    ]);
    return { entries: parseListing(listing), patch };
  } finally {
    await rm(indexFile, { force: true });
  }
}

/**
 * `git add -A`, except that it passes over folders that are repositories themselves: add would read their
 * configuration, and fails on one that has no commit. False where nothing differs.
 */
async function stage(git: Git, indexFile: string): Promise<boolean> {
  const listing = ['ls-files', '--modified', '--others', '--exclude-standard', '--deduplicate', '-t', '-z'];
  // As latin1, which keeps every byte of a path that is no UTF-8. Each is led by its tag and a space.
  const tagged = (await git.run(listing, { indexFile })).toString('latin1').split('\0');
  const present = tagged.filter((entry) => entry !== '' && !entry.endsWith('/'));
  // What git knows goes first: a file that became a folder must leave the index before the folder's files enter.
  const files = [...present.filter((entry) => !isNew(entry)), ...present.filter(isNew)].map((entry) =>
    entry.slice(2),
  );
  if (files.length === 0) return false;
  const input = Buffer.from(`${files.join('\0')}\0`, 'latin1');
  const update = ['update-index', '--add', '--remove', '-z', '--stdin'];
  await git.run(update, { indexFile, input });
  return true;
}

function isNew(taggedPath: string): boolean {
  return taggedPath.startsWith('?');
}

/** Reads `--raw --numstat -z`: first `:mode mode id id status NUL path NUL` for all files, then their line counts. */
function parseListing(listing: Buffer): ChangeEntry[] {
  const fields = listing.toString('utf8').split('\0').slice(0, -1);
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
  return [...entries.values()];
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
