import type { Repository } from '../repositories/repository.ts';
import type { RepositoryCall } from '../rest/call.ts';

/** One changed file between two trees, under GitHub's field names. */
export type FileChange = {
  sha: string;
  filename: string;
  status: 'added' | 'removed' | 'modified' | 'renamed' | 'changed';
  additions: number;
  deletions: number;
  changes: number;
  previous_filename?: string;
  /** The hunks without the file's header; absent if there are none, as for a binary file. */
  patch?: string;
};

/** `diff-tree` reads no user setting, and these options keep attributes from running a program. */
const DIFF = ['diff-tree', '-r', '-M', '--no-ext-diff', '--no-textconv'];

const STATUS: Readonly<Record<string, FileChange['status']>> = {
  A: 'added',
  D: 'removed',
  M: 'modified',
  R: 'renamed',
  T: 'changed',
};

type RawEntry = {
  letter: string;
  status: FileChange['status'];
  sha: string;
  filename: string;
  previousFilename: string | undefined;
};

/** Reads `:mode mode sha sha status`, then one path or, for a rename, two. */
function readRawEntry(line: string, next: () => string): RawEntry {
  const [oldMode, newMode, oldSha = '', newSha = '', code = ''] = line.slice(1).split(' ');
  const letter = code.charAt(0);
  const path = next();
  const renamed = letter === 'R';
  const modeOnly = letter === 'M' && oldSha === newSha && oldMode !== newMode;
  return {
    letter,
    status: modeOnly ? 'changed' : (STATUS[letter] ?? 'modified'),
    sha: letter === 'D' ? oldSha : newSha,
    filename: renamed ? next() : path,
    previousFilename: renamed ? path : undefined,
  };
}

/**
 * Lines in a hunk start with a space, `+`, `-` or a backslash, so this matches only headers of files.
 * JavaScript's `^` would also match after a lone carriage return in the content.
 */
const splitPatch = (patch: string): string[] => patch.split(/(?<=\n)(?=diff --git )/);

function hunksOf(section: string): string {
  const start = section.indexOf('\n@@ ');
  return start < 0 ? '' : section.slice(start + 1).replace(/\n$/, '');
}

/** The files that differ between the commits or trees `from` and `to`, with renames detected. */
export async function changedFiles(repository: Repository, from: string, to: string): Promise<FileChange[]> {
  const { stdout } = await repository.git([...DIFF, '--raw', '--numstat', '-p', '-z', from, to]);
  // An empty record ends the list; the patch after it may contain NULs.
  const end = stdout.indexOf('\0\0');
  const records = stdout
    .subarray(0, end < 0 ? stdout.length : end)
    .toString()
    .split('\0');
  const sections = end < 0 ? [] : splitPatch(stdout.subarray(end + 2).toString());
  const next = (): string => records.shift() ?? '';

  const entries: RawEntry[] = [];
  while (records[0]?.startsWith(':')) entries.push(readRawEntry(next(), next));

  return entries.map((entry) => {
    const [added = '', removed = '', path] = next().split('\t');
    // The numstat of a rename has an empty path, and both paths in two more records.
    if (path === '') records.splice(0, 2);
    // A file that became a link is shown as removed and added, in two sections.
    const parts = sections.splice(0, entry.letter === 'T' ? 2 : 1);
    const patch = parts.map(hunksOf).filter(Boolean).join('\n');
    const additions = Number(added) || 0;
    const deletions = Number(removed) || 0;
    return {
      sha: entry.sha,
      filename: entry.filename,
      status: entry.status,
      additions,
      deletions,
      changes: additions + deletions,
      ...(entry.previousFilename && { previous_filename: entry.previousFilename }),
      ...(patch && { patch }),
    };
  });
}

/** The change in GitHub's form, with links to the file at the commit `sha`. */
export function fileJson(
  change: FileChange,
  sha: string,
  { url, htmlUrl }: Pick<RepositoryCall, 'url' | 'htmlUrl'>,
): Record<string, unknown> {
  const path = encodeURI(change.filename);
  return {
    ...change,
    blob_url: `${htmlUrl}/blob/${sha}/${path}`,
    raw_url: `${htmlUrl}/raw/${sha}/${path}`,
    contents_url: `${url}/contents/${path}?ref=${sha}`,
  };
}

/** The difference as one text for `git apply`. */
export async function diffText(repository: Repository, from: string, to: string): Promise<Buffer> {
  return (await repository.git([...DIFF, '-p', '--binary', '--full-index', from, to])).stdout;
}
