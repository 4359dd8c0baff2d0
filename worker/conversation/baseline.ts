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

/** What the job's checks came to before any change. */
export type Baseline = {
  results: Verification[];
  /** What `setup` left in the tree, which the checks' own traces are taken out of again. */
  changes: Changes;
};

/** What a shell ends with for a command that it finds but cannot run, and for one that it does not find. */
const CANNOT_START = [126, 127];

/**
 * Runs each command of `verify` on the base commit as `setup` left it, and brings the tree back to that. Undefined where
 * the tree could not be brought back, because of what `setup` left. Throws VerifyNotRunnableError for a command that
 * cannot be started: no change could ever pass it.
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
        `The verify command ${JSON.stringify(command)} cannot be started on the untouched repository. Install what it needs by settings.setup or in the worker's image, or correct settings.verify; where the change itself is to bring it, set settings.verifyBaseline to false. ${describeCommand(result)}`,
      );
    }
    results.push(result);
  }
  return results;
}

type IgnoreFiles = { folders: readonly string[]; present: ReadonlySet<string> };

/** The .gitignore files beside the base commit's own files: what they hide, `git clean` does not remove. */
async function ignoreFiles({ git, baseSha }: Clone, tree: string): Promise<IgnoreFiles> {
  const listed = await git.run(['ls-tree', '-r', '-d', '--name-only', '-z', baseSha]);
  const folders = ['', ...listed.toString('latin1').split('\0').filter(Boolean)];
  return { folders, present: new Set(folders.filter((folder) => hasIgnoreFile(tree, folder))) };
}

/** Removes those that were not there before, and says whether there were any. */
function removeNewIgnoreFiles(tree: string, { folders, present }: IgnoreFiles): boolean {
  const made = folders.filter((folder) => !present.has(folder) && hasIgnoreFile(tree, folder));
  for (const folder of made) rmSync(absolutePath(tree, ignoreFileIn(folder)), { recursive: true });
  return made.length > 0;
}

/** Not one behind a link, which leads elsewhere. */
function hasIgnoreFile(tree: string, folder: string): boolean {
  if (!statsOf(tree, ignoreFileIn(folder))) return false;
  const absolute = absolutePath(tree, folder === '' ? '.' : folder);
  return realpathSync(absolute, 'buffer').equals(folder === '' ? Buffer.from(tree) : absolute);
}

function ignoreFileIn(folder: string): string {
  return folder === '' ? '.gitignore' : `${folder}/.gitignore`;
}
