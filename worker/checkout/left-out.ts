import { readdirSync } from 'node:fs';
import { GitBoundExceededError } from '../../core/git-process.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import type { Clone } from './clone.ts';
import { absolutePath, legible, statsOf } from './raw-path.ts';
import type { Staged } from './stage.ts';

const MAX_LISTING_BYTES = 16 * 1024 * 1024;

/**
 * Lists what is in the tree but can never be in a change, each with its reason, so that the model does not
 * rely on it. A folder is listed instead of its files.
 */
export async function leftOut(
  { git, submodules }: Clone,
  { tree }: Workspace,
  { nested }: Pick<Staged, 'nested'>,
): Promise<string[]> {
  try {
    const args = ['ls-files', '--others', '--exclude-standard', '--ignored', '--directory', '-z'];
    const listed = await git.run(args, { maxBytes: MAX_LISTING_BYTES });
    const ignored = listed.toString('latin1').split('\0').filter(Boolean);
    return [
      ...ignored.map((entry) => `${legible(entry)} (ignored by git)`),
      ...nested.map((entry) => `${legible(entry)} (a nested git repository)`),
      ...[...submodules].flatMap((submodule) => describeSubmodule(tree, submodule)),
    ];
  } catch (error) {
    if (!(error instanceof GitBoundExceededError)) throw error;
    return ['more files that git ignores than can be listed'];
  }
}

/** Returns nothing for the empty folder that a submodule has in every clone. */
function describeSubmodule(tree: string, submodule: string): string[] {
  const stats = statsOf(tree, submodule);
  if (!stats) return [`the removal of ${legible(submodule)} (a submodule)`];
  // A file or a link in its place is part of the change.
  if (!stats.isDirectory() || isEmpty(tree, submodule)) return [];
  return [`${legible(submodule)}/ (a submodule)`];
}

function isEmpty(tree: string, folder: string): boolean {
  try {
    return readdirSync(absolutePath(tree, folder)).length === 0;
  } catch {
    return false;
  }
}
