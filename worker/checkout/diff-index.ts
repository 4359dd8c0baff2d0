import type { Git } from './git.ts';

/** Compares the index with the base commit, without filters, diff drivers or submodules. */
export const DIFF = [
  'diff-index',
  '--cached',
  '--no-renames',
  '--no-ext-diff',
  '--no-textconv',
  '--ignore-submodules=all',
] as const;

/** The mode of a side that does not exist. */
export const NULL_MODE = '000000';

/** One path that differs. A side that does not exist has NULL_MODE. */
export type Difference = {
  /** A raw path (raw-path.ts). */
  path: string;
  oldMode: string;
  oldId: string;
  mode: string;
  id: string;
  /** Lines; 0 for files that git treats as binary. */
  additions: number;
  deletions: number;
};

export async function readDifferences(
  git: Git,
  { baseSha, indexFile }: { baseSha: string; indexFile: string },
): Promise<Difference[]> {
  const format = ['--raw', '--numstat', '--no-abbrev', '-z'];
  return parse(await git.run([...DIFF, ...format, baseSha], { indexFile }));
}

/** Reads `:mode mode id id status NUL path NUL` for all files, then their line counts. */
function parse(listing: Buffer): Difference[] {
  // latin1 keeps every byte of a path that is not UTF-8.
  const fields = listing.toString('latin1').split('\0').slice(0, -1);
  const differences = new Map<string, Difference>();
  let at = 0;
  for (; fields[at]?.startsWith(':'); at += 2) {
    const [oldMode, mode, oldId, id] = fields[at]!.slice(1).split(' ') as [string, string, string, string];
    const path = fields[at + 1]!;
    differences.set(path, { path, oldMode, oldId, mode, id, additions: 0, deletions: 0 });
  }
  for (const field of fields.slice(at)) {
    const [additions, deletions, ...path] = field.split('\t');
    const difference = differences.get(path.join('\t'));
    // A binary file has `-` in place of each count.
    if (difference && additions !== '-') {
      difference.additions = Number(additions);
      difference.deletions = Number(deletions);
    }
  }
  return [...differences.values()];
}

/** Whether the mode is a regular file's. */
export function isFileMode(mode: string): boolean {
  return mode.startsWith('100');
}
