import { lstatSync, readFileSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { GitFailedError } from '../../core/git-process.ts';
import { matchesAny } from '../../core/globs.ts';
import { protectedFiles } from '../../core/protected-files.ts';
import { hasControlCharacters, isUnknownToWindows } from '../../core/tree-path.ts';
import type { Attributes } from '../checkout/attributes.ts';
import { inconvertible } from '../checkout/encodings.ts';
import { rawPath } from '../checkout/raw-path.ts';
import { hasLineEnds } from '../checkout/stored-form.ts';
import { MAX_FILE_BYTES } from '../limits.ts';
import { visible } from './near-miss.ts';
import { showPath } from './path-names.ts';
import { resolveInTree, submoduleOf, type TreePath } from './paths.ts';
import { type ToolContext, ToolError } from './tool.ts';

export type WriteContext = Pick<
  ToolContext,
  'workspace' | 'git' | 'tree' | 'settings' | 'protectedGlobs' | 'signal'
>;

type Allowed = {
  /** The path may be a symbolic link, for tools that do not follow it. */
  links?: boolean;
  /** The path may have a filter, for tools that write no bytes. */
  filtered?: boolean;
  /** The file that is moved to the path, which frees its old name. */
  moved?: TreePath;
};

/**
 * Resolves a path for writing. Throws ToolError, with the reason and an alternative, if it leads through a
 * link or could not be part of the job's change.
 */
export async function resolveWritable(
  context: WriteContext,
  given: string,
  allowed: Allowed = {},
): Promise<TreePath> {
  const found = await resolveInTree(context.workspace, given);
  if (found.relative === '') throw new ToolError(`${given} is the repository itself; name a file in it.`);
  await refuseSubmodules(context, found);
  const stats = await lstat(found.absolute).catch(() => undefined);
  if (stats?.isSymbolicLink() && !allowed.links)
    throw new ToolError(
      `${given} is a symbolic link; change the file that it points to, or delete the link.`,
    );
  if (stats?.isDirectory()) throw new ToolError(`${given} is a folder; name a file.`);
  await refuseBySettings(context, found);
  if (context.tree.largeFiles.has(rawPath(found.relative)))
    throw new ToolError(
      `${given} has more than ${MAX_FILE_BYTES} bytes in the base commit, so it cannot be part of a change. Leave it as it is.`,
    );
  await refuseIgnored(context, found);
  if (!stats || !allowed.filtered) await refuseName(context, found);
  if (!allowed.filtered) {
    const { filter } = await attributesOf(context, found);
    if (filter) throw new ToolError(refuseFilter(found, filter));
  }
  if (!stats) await refuseTwin(context, found, allowed.moved);
  return found;
}

async function refuseSubmodules({ workspace, tree }: WriteContext, { relative }: TreePath): Promise<void> {
  const names = relative.split('/');
  const submodule = submoduleOf(tree, relative);
  if (submodule !== undefined)
    throw new ToolError(
      `${relative} is ${submodule === relative ? '' : 'in '}the submodule ${submodule}, which is another repository: a change there would not be part of this one. Leave it, and say so in the summary if the task calls for it.`,
    );
  for (let length = 1; length <= names.length; length++) {
    const folder = names.slice(0, length).join('/');
    const isRepository = await lstat(path.join(workspace.tree, folder, '.git')).catch(() => undefined);
    if (isRepository)
      throw new ToolError(
        `${relative} is in ${folder}, a nested git repository that a command made: nothing in it can be part of the change. Choose a path outside of it.`,
      );
  }
}

async function refuseBySettings(
  { settings, protectedGlobs }: WriteContext,
  { relative }: TreePath,
): Promise<void> {
  const { include, exclude, allowProtected } = settings;
  const wayOut = 'Leave it as it is, and say so in the summary if the task calls for it.';
  if (include.length > 0 && !(await matchesAny(include, relative)))
    throw new ToolError(
      `${relative} may not be changed: this job changes only ${include.join(', ')}. ${wayOut}`,
    );
  if (await matchesAny(exclude, relative))
    throw new ToolError(`${relative} may not be changed: this job excludes ${exclude.join(', ')}. ${wayOut}`);
  const guarded = await protectedFiles([relative], { allowed: allowProtected, more: protectedGlobs });
  if (guarded.length > 0)
    throw new ToolError(
      `${relative} may not be changed: it is a protected file, and only the job's author can allow a change to it (settings.allowProtected). ${wayOut}`,
    );
}

/** Names of the base commit are accepted. A new name must be readable UTF-8 without control characters. */
async function refuseName(context: WriteContext, { relative }: TreePath): Promise<void> {
  const wayOut = 'Choose another name.';
  if (relative.includes('\uFFFD'))
    throw new ToolError(
      `${visible(relative)} was not written: it has U+FFFD, which replaces bytes that are not UTF-8, and a new name must be UTF-8. ${wayOut}`,
    );
  if (!hasControlCharacters(relative) || (await context.tree.tracked()).has(rawPath(relative))) return;
  throw new ToolError(
    `${visible(relative)} was not written: a new name may not have control characters, such as tabs, line ends and bidirectional controls. ${wayOut}`,
  );
}

/** A note about the name of a new file; empty if the name is usual. */
export function describeNewName({ relative }: TreePath): string {
  return isUnknownToWindows(relative)
    ? ' Windows does not allow this file name: checkouts there will fail unless you rename it.'
    : '';
}

/** Files of the base commit are accepted even if .gitignore matches them. */
async function refuseIgnored(context: WriteContext, { relative }: TreePath): Promise<void> {
  if ((await context.tree.tracked()).has(rawPath(relative))) return;
  const rule = await ignoreRule(context, relative);
  if (!rule) return;
  const ofFolder =
    relative.includes('/') && (await ignoreRule(context, path.posix.dirname(relative), { alsoKnown: true }));
  const wayOut = ofFolder
    ? `the rule covers the folder ${path.posix.dirname(relative)}: change it first, so that it does not cover this file`
    : `add the line !/${below(rule.source, relative)} at the end of ${rule.source} first`;
  throw new ToolError(
    `${relative} would not be part of the change: git ignores it (${rule.source}, line ${rule.line}: ${rule.pattern}). Choose another path; or, if the task calls for this one, ${wayOut}.`,
  );
}

export type IgnoreRule = { source: string; line: string; pattern: string };

/** The rule by which git ignores a path, if any. Tracked paths count only with `alsoKnown`. */
export async function ignoreRule(
  { git, signal }: Pick<ToolContext, 'git' | 'signal'>,
  relative: string,
  { alsoKnown = false } = {},
): Promise<IgnoreRule | undefined> {
  const known = alsoKnown ? ['--no-index'] : [];
  let answer: Buffer;
  try {
    const input = Buffer.from(`${relative}\0`);
    const exitCodes = [0, 1];
    answer = await git.run(['check-ignore', '--verbose', ...known, '-z', '--stdin'], {
      input,
      exitCodes,
      signal,
    });
  } catch (error) {
    if (!(error instanceof GitFailedError)) throw error;
    throw new ToolError(`git does not accept ${relative}: ${error.stderr.trim()}. Choose another path.`);
  }
  const [source = '', line = '', pattern = ''] = answer.toString('utf8').split('\0');
  return pattern === '' || pattern.startsWith('!') ? undefined : { source, line, pattern };
}

function below(source: string, relative: string): string {
  const folder = path.posix.dirname(source);
  return folder === '.' ? relative : path.posix.relative(folder, relative);
}

const PLAIN: Attributes = { filter: undefined, encodings: [], text: 'never' };

/** The attributes that convert a file. Runs git only if some .gitattributes may have one. */
export async function attributesOf(
  { workspace, tree }: Pick<WriteContext, 'workspace' | 'tree'>,
  { relative }: TreePath,
): Promise<Attributes> {
  const raw = rawPath(relative);
  if (!(await tree.baseHasConversions()) && !mayConvert(workspace.tree, relative)) return PLAIN;
  return (await tree.attributes([raw])).get(raw) ?? PLAIN;
}

/** Whether a .gitattributes in a parent folder of the path may set a filter or an encoding. */
function mayConvert(tree: string, relative: string): boolean {
  for (let folder = path.posix.dirname(relative); ; folder = path.posix.dirname(folder)) {
    const file = path.join(tree, folder, '.gitattributes');
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (
      stats?.isFile() &&
      (stats.size > MAX_FILE_BYTES || /filter|encoding/.test(readFileSync(file, 'latin1')))
    )
      return true;
    if (folder === '.') return false;
  }
}

/** A note if the change will have other line ends than the file; otherwise empty. */
export async function describeStoredEnds(
  { tree }: WriteContext,
  { relative }: TreePath,
  bytes: Buffer,
): Promise<string> {
  if (!bytes.includes('\r\n')) return '';
  const raw = rawPath(relative);
  const { text } = (await tree.attributes([raw])).get(raw)!;
  if (text === 'never' || !hasLineEnds(bytes, text) || (await tree.baseHasCr(raw))) return '';
  return ' .gitattributes make it text, so the change will have it with LF instead of CRLF.';
}

/** Throws ToolError if a checkout could not convert these bytes to the path's encoding. */
export async function refuseInconvertible(
  context: WriteContext,
  file: TreePath,
  bytes: Buffer,
): Promise<void> {
  const { encodings } = await attributesOf(context, file);
  if (encodings.length === 0) return;
  const { git, workspace, signal } = context;
  const options = { input: bytes, signal };
  const written = await git.run(['hash-object', '-w', '--no-filters', '--stdin'], options);
  const objectId = written.toString('latin1').trim();
  const pairs = encodings.map((encoding) => ({ objectId, encoding }));
  const [failed] = await inconvertible(git, workspace, pairs);
  if (failed)
    throw new ToolError(
      `${file.relative} was not written: it has the attribute working-tree-encoding=${failed.encoding}, so git stores it as UTF-8 and converts it to ${failed.encoding} in checkouts, but these bytes cannot be converted to ${failed.encoding} and back. Write text that ${failed.encoding} has characters for.`,
    );
}

/** The error message for writing to a path with a filter. */
export function refuseFilter({ relative }: TreePath, filter: string): string {
  const by = filter === 'lfs' ? 'Git LFS' : `the filter ${filter}`;
  return `${relative} was not written: it has the attribute filter=${filter}, so git stores it through ${by}, which does not run here; the file would be stored unfiltered. Choose a path without that attribute, or leave the file and say so in the summary.`;
}

/** Refuses a new name that differs from an existing one only in case or Unicode normalization. */
async function refuseTwin(
  { workspace }: WriteContext,
  { relative }: TreePath,
  moved: TreePath | undefined,
): Promise<void> {
  let folder = '';
  for (const name of relative.split('/')) {
    const names = await readdir(path.join(workspace.tree, folder)).catch((): string[] => []);
    if (!names.includes(name)) {
      const twin = names.find((other) => sameElsewhere(other) === sameElsewhere(name));
      if (twin === undefined) return;
      const there = path.posix.join(folder, twin);
      if (moved && `${moved.relative}/`.startsWith(`${there}/`)) return;
      throw new ToolError(
        `${relative} was not created: there is ${there.normalize('NFC') === there ? showPath(rawPath(there)) : visible(there)}, and on systems that ignore case or accent forms one of the two files would replace the other. Use that path, or rename it with move_file.`,
      );
    }
    folder = path.posix.join(folder, name);
  }
}

function sameElsewhere(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
