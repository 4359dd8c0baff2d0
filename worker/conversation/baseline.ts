import { realpathSync, rmSync } from 'node:fs';
import { VerifyNotRunnableError } from '../../core/errors.ts';
import type { JobSettings } from '../../core/job.ts';
import type { Verification } from '../../core/repository-result.ts';
import { applyPatch, type Changes, readChanges, resetTree } from '../checkout/changes.ts';
import type { Clone } from '../checkout/clone.ts';
import { absolutePath, statsOf } from '../checkout/raw-path.ts';
import { type CommandOptions, describeCommand, runCommand } from '../sandbox/command.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { CHECK_TIMEOUT_MS } from '../tools/run-check.ts';

/** The results of the job's checks before any change. */
export type Baseline = {
  results: Verification[];
  /** The changes that `setup` left in the tree, without those of the checks. */
  changes: Changes;
};

/** A shell's exit codes for a command that it cannot execute, and for one that it does not find. */
const CANNOT_START = [126, 127];

/**
 * Runs each command of `verify` on the base commit after `setup`, then restores the tree. Returns undefined if the tree
 * could not be restored, because `setup` left more than a patch can hold. Throws VerifyNotRunnableError for a command that
 * cannot start, since no change could pass it.
 */
export async function runBaseline(
  { verify }: Pick<JobSettings, 'verify'>,
  {
    clone,
    workspace,
    ...options
  }: Omit<CommandOptions, 'timeoutMs'> & { clone: Clone; workspace: Workspace },
): Promise<Baseline | undefined> {
  const changes = await readChanges(clone, workspace);
  if (changes.excess || !changes.patch) return undefined;
  const ignoring = await ignoreFiles(clone, workspace.tree);
  try {
    return { results: await runAll(verify, { workspace, ...options }), changes };
  } finally {
    await resetTree(clone.git);
    if (removeNewIgnoreFiles(workspace.tree, ignoring)) await resetTree(clone.git);
    await applyPatch(clone.git, changes.patch);
  }
}

async function runAll(
  verify: readonly string[],
  { workspace, ...options }: Omit<CommandOptions, 'timeoutMs'> & { workspace: Workspace },
): Promise<Verification[]> {
  const results: Verification[] = [];
  for (const command of new Set(verify)) {
    const result = await runCommand(workspace, command, { ...options, timeoutMs: CHECK_TIMEOUT_MS });
    if (CANNOT_START.includes(result.exitCode ?? 0)) {
      throw new VerifyNotRunnableError(
        `The verify command ${JSON.stringify(command)} cannot be started on the untouched repository. Install its requirements by settings.setup or in the worker's image, or correct settings.verify; if the change itself adds the command, set settings.verifyBaseline to false. ${describeCommand(result)}`,
      );
    }
    results.push(result);
  }
  return results;
}

type IgnoreFiles = { folders: readonly string[]; present: ReadonlySet<string> };

/** The .gitignore files in the base commit's folders. `git clean` does not remove files that they ignore. */
async function ignoreFiles({ git, baseSha }: Clone, tree: string): Promise<IgnoreFiles> {
  const listed = await git.run(['ls-tree', '-r', '-d', '--name-only', '-z', baseSha]);
  const folders = ['', ...listed.toString('latin1').split('\0').filter(Boolean)];
  return { folders, present: new Set(folders.filter((folder) => hasIgnoreFile(tree, folder))) };
}

/** Removes the .gitignore files that were added; returns whether there were any. */
function removeNewIgnoreFiles(tree: string, { folders, present }: IgnoreFiles): boolean {
  const made = folders.filter((folder) => !present.has(folder) && hasIgnoreFile(tree, folder));
  for (const folder of made) rmSync(absolutePath(tree, ignoreFileIn(folder)), { recursive: true });
  return made.length > 0;
}

/** Ignores files behind a symbolic link, which may lead out of the tree. */
function hasIgnoreFile(tree: string, folder: string): boolean {
  if (!statsOf(tree, ignoreFileIn(folder))) return false;
  const absolute = absolutePath(tree, folder === '' ? '.' : folder);
  return realpathSync(absolute, 'buffer').equals(folder === '' ? Buffer.from(tree) : absolute);
}

function ignoreFileIn(folder: string): string {
  return folder === '' ? '.gitignore' : `${folder}/.gitignore`;
}
