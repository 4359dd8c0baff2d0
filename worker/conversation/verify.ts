import { readlinkSync } from 'node:fs';
import path from 'node:path';
import type { JobSettings } from '../../core/job.ts';
import { filesOutside, protectedFiles } from '../../core/protected-files.ts';
import { failedOnBase, type Verification } from '../../core/repository-result.ts';
import { hasControlCharacters, isInGitFolder, leavesTree } from '../../core/tree-path.ts';
import { type Changes, filesWithSecrets } from '../checkout/changes.ts';
import type { Git } from '../checkout/git.ts';
import { describeCommand, runCommand } from '../sandbox/command.ts';
import type { Redactor } from '../sandbox/redact.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { CHECK_TIMEOUT_MS } from '../tools/run-check.ts';
import type { Submission } from '../tools/tool.ts';

export type Verdict = {
  /** What the model has to correct; undefined if the submission is accepted. */
  problem: string | undefined;
  verification: Verification[];
};

type JudgeContext = {
  settings: JobSettings;
  /** PROTECTED_FILES of the environment. */
  protectedGlobs: readonly string[];
  /** The checks' results on the untouched base, if they ran. */
  baseline?: readonly Verification[] | undefined;
  workspace: Workspace;
  git: Git;
  redactor: Redactor;
  signal: AbortSignal;
};

/** Checks the patch of a submission, then runs all commands of the job's `verify` in order. */
export async function verifySubmission(
  submission: Submission,
  changes: Changes,
  context: JudgeContext,
): Promise<Verdict> {
  const problem = await patchProblem(submission, changes, context);
  if (problem) return { problem, verification: [] };
  const verification: Verification[] = [];
  // Without a change, a failing command would be the repository's fault, not the model's.
  for (const command of changes.entries.length > 0 ? context.settings.verify : []) {
    const result = await runCommand(context.workspace, command, {
      timeoutMs: CHECK_TIMEOUT_MS,
      signal: context.signal,
      redactor: context.redactor,
    });
    const base = context.baseline?.find((before) => before.command === command);
    verification.push({ ...result, ...(base && { baseExitCode: base.exitCode }) });
  }
  return { problem: worseThanBase(verification), verification };
}

/** Commands that fail on the untouched base too are accepted. */
function worseThanBase(verification: readonly Verification[]): string | undefined {
  const failed = verification.filter(({ exitCode }) => exitCode !== 0);
  const worse = failed.filter((result) => !failedOnBase(result));
  if (worse.length === 0) return undefined;
  const reports = worse.map((result) => `${result.command}\n${describeCommand(result)}`);
  const asBefore = failed.filter(failedOnBase).map(({ command }) => command);
  const excused =
    asBefore.length > 0
      ? [`These fail without the change too, which is accepted: ${asBefore.join('; ')}`]
      : [];
  return ['The change does not pass.', ...reports, ...excused].join('\n\n');
}

async function patchProblem(
  { wereChangesNecessary, title }: Submission,
  { entries, patch, excess, unstorable }: Changes,
  { settings, protectedGlobs, workspace, git, redactor }: JudgeContext,
): Promise<string | undefined> {
  const files = entries.map(({ file }) => file);
  if (excess || !patch)
    return `Something in the tree cannot be part of a change: ${excess}. Delete or undo everything that the task does not require.`;
  if (unstorable.length > 0) return `These files cannot be stored: ${list(unstorable, '; ')}.`;
  if (wereChangesNecessary && files.length === 0)
    return 'wereChangesNecessary is true, but nothing differs from the base commit (files that git ignores do not count). Make the change, or submit wereChangesNecessary false.';
  if (!wereChangesNecessary && files.length > 0)
    return `wereChangesNecessary is false, but ${list(files)} changed. Undo that, or submit wereChangesNecessary true.`;
  if (wereChangesNecessary && title.trim() === '') return 'The pull request needs a title.';
  if (files.length > settings.maxFiles)
    return `${files.length} files changed; this job allows ${settings.maxFiles}. Undo everything that the task does not require.`;
  if (patch.length > settings.maxPatchKiB * 1024)
    return `The patch has ${Math.ceil(patch.length / 1024)} KiB; this job allows ${settings.maxPatchKiB}. Undo everything that the task does not require.`;
  const guarded = await protectedFiles(files, {
    allowed: settings.allowProtected,
    more: protectedGlobs,
  });
  if (guarded.length > 0) return `${list(guarded)} may not be changed: protected files. Undo that.`;
  const outside = await filesOutside(files, settings);
  if (outside.length > 0)
    return `${list(outside)} may not be changed by this job's include and exclude. Undo that.`;
  const illegible = files.filter((file) => file.includes('\uFFFD'));
  if (illegible.length > 0) return `${list(illegible)} has a name that is not UTF-8. Rename it or undo that.`;
  const unprintable = entries.filter(({ file, status }) => status === 'added' && hasControlCharacters(file));
  if (unprintable.length > 0)
    return `${list(unprintable.map(({ file }) => JSON.stringify(file)))} has control characters in its name. Give it another one or undo that.`;
  const links = entries.filter(({ mode, status }) => status !== 'deleted' && mode === '120000');
  const leading = links.filter(({ file }) => leavesTree(file, targetOf(workspace, file)));
  if (leading.length > 0)
    return `${list(leading.map(({ file }) => file))} is a symbolic link that leads out of the repository. Undo that.`;
  const intoGit = links.filter(({ file }) => isInGitFolder(targetOf(workspace, file)));
  if (intoGit.length > 0)
    return `${list(intoGit.map(({ file }) => file))} is a symbolic link that leads into git's own folder. Undo that.`;
  const withSecrets = await filesWithSecrets(git, { entries }, redactor);
  if (withSecrets.length > 0)
    return `The change contains a credential, in ${list(withSecrets)}. Take it out.`;
  // The secret is in the name of a file.
  if (redactor.isIn(patch)) return 'The change contains a credential. Take it out.';
  return undefined;
}

/** Returns an empty string if the link was removed since it was staged. */
function targetOf({ tree }: Workspace, link: string): string {
  try {
    return readlinkSync(path.join(tree, link));
  } catch {
    return '';
  }
}

/** The first ten names, and the number of the others. */
export function list(files: readonly string[], separator = ', '): string {
  const more = files.length - 10;
  return files.slice(0, 10).join(separator) + (more > 0 ? ` and ${more} more` : '');
}
