import type { ChangedFile, ChangeSet } from '../../core/change-set.ts';
import { ChangeSetRefusedError } from '../../core/errors.ts';
import type { JobSettings } from '../../core/job.ts';
import { filesOutside, protectedFiles } from '../../core/protected-files.ts';
import type { Settings } from '../../core/settings.ts';
import { ancestorsOf, foldPath, isInGitFolder, leavesTree } from '../../core/tree-path.ts';

/** GitHub's limit of a blob: https://docs.github.com/rest/git/blobs */
const MAX_FILE_BYTES = 100 * 1024 * 1024;
/** Linux's PATH_MAX, the limit of a clone. */
const MAX_PATH_BYTES = 4096;

/**
 * Throws ChangeSetRefusedError for a change set that may not be published. The worker checks the same rules, but it runs
 * beside untrusted code, so they are checked again here, next to the credential that may write.
 */
export async function requirePublishable(
  { files }: ChangeSet,
  job: JobSettings,
  { PROTECTED_FILES }: Pick<Settings, 'PROTECTED_FILES'>,
): Promise<void> {
  const paths = files.map(({ path }) => path);
  if (files.length === 0) refuse('names no file');
  if (files.length > job.maxFiles)
    refuse(`names ${files.length} files, and this job allows ${job.maxFiles} (settings.maxFiles)`);
  for (const file of files) refusePath(file.path);
  for (const file of files) refuseContent(file);
  refuseOverlap(files);

  const protection = { allowed: job.allowProtected, more: PROTECTED_FILES };
  const guarded = await protectedFiles(paths, protection);
  if (guarded.length > 0)
    refuse(
      `touches protected files (${list(guarded)}); a new job may change files that its settings.allowProtected names`,
    );
  const outside = await filesOutside(paths, job);
  if (outside.length > 0)
    refuse(`touches ${list(outside)}, which settings.include and settings.exclude leave out`);
}

/** Whether GitHub requires the `workflows` permission to write these files. */
export function touchesWorkflows({ files }: ChangeSet): boolean {
  return files.some(({ path }) => `${foldPath(path)}/`.startsWith('.github/workflows/'));
}

function refusePath(path: string): void {
  const parts = path.split('/');
  const outside = parts.some((part) => part === '' || part === '.' || part === '..');
  if (outside || isInGitFolder(path) || /[\0\uFFFD]/.test(path) || Buffer.byteLength(path) > MAX_PATH_BYTES)
    refuse(`names ${JSON.stringify(path.slice(0, 200))}, which is not a path inside the repository`);
}

function refuseContent(file: ChangedFile): void {
  if (file.status === 'deleted') return;
  const bytes = Buffer.byteLength(file.content, 'base64');
  if (bytes > MAX_FILE_BYTES)
    refuse(`has ${file.path} with ${bytes} bytes; GitHub allows ${MAX_FILE_BYTES} bytes per file`);
  if (file.mode === '120000' && bytes > MAX_PATH_BYTES)
    refuse(`has the symbolic link ${file.path} with a target of ${bytes} bytes`);
  if (file.mode === '120000') {
    const target = Buffer.from(file.content, 'base64').toString('utf8');
    if (leavesTree(file.path, target))
      refuse(
        `has the symbolic link ${file.path} to ${JSON.stringify(target)}, which leads out of the repository`,
      );
    // Files written through the link would be hooks and configuration.
    if (isInGitFolder(target))
      refuse(
        `has the symbolic link ${file.path} to ${JSON.stringify(target)}, which leads into git's own folder`,
      );
  }
}

/**
 * Refuses a path that is named twice, or that is both a file and a folder. On a case-insensitive disk, a file in a folder
 * would be written through a link whose name differs from the folder's in case only.
 */
function refuseOverlap(files: readonly ChangedFile[]): void {
  const seen = new Set<string>();
  const present = new Set<string>();
  const links = new Map<string, string>();
  for (const file of files) {
    if (file.status === 'deleted') continue;
    present.add(file.path);
    if (file.mode === '120000') links.set(foldPath(file.path), file.path);
  }
  for (const { path } of files) {
    if (seen.has(path)) refuse(`names ${path} twice`);
    seen.add(path);
    if (!present.has(path)) continue;
    const above = ancestorsOf(path).find((folder) => present.has(folder));
    const folded = ancestorsOf(foldPath(path)).find((folder) => links.has(folder));
    const file = above ?? (folded === undefined ? undefined : links.get(folded));
    if (file !== undefined) refuse(`has ${file} as a file and as the folder of ${path}`);
  }
}

function list(paths: readonly string[]): string {
  const more = paths.length - 10;
  return paths.slice(0, 10).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

export function refuse(fault: string): never {
  throw new ChangeSetRefusedError(`The recorded change set ${fault}; nothing was published.`);
}
