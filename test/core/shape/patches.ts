import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A file: its text, or where it leads as a link, or its text and that it can be executed. */
export type Entry = string | Buffer | { link: string } | { run: string };
export type Tree = Readonly<Record<string, Entry>>;

/** One process starts all of git's: a fork of a large process is dear, and the tests make hundreds of patches. */
const COMMANDS = `
git() { command git -c core.autocrlf=false -c core.quotePath=true "$@"; }
git init --quiet --template= .
for edit in */before; do
  folder=\${edit%/before}
  export GIT_INDEX_FILE="$PWD/$folder/index"
  git --work-tree="$folder/before" add --all --force
  tree=$(git write-tree)
  git --work-tree="$folder/after" add --all --force
  git diff-index --cached --no-renames -p --binary --full-index --src-prefix=a/ --dst-prefix=b/ "$tree" > "$folder/patch"
done
`;

/** The patch of each edit, from the trees before and after, as the worker's git writes it. */
export async function patchesBetween(edits: readonly (readonly [Tree, Tree])[]): Promise<Buffer[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'shape-'));
  const of = (edit: number, name: string) => path.join(folder, String(edit), name);
  try {
    for (const [i, [before, after]] of edits.entries()) {
      await write(of(i, 'before'), before);
      await write(of(i, 'after'), after);
    }
    execFileSync('/bin/sh', ['-e', '-c', COMMANDS], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    });
    return edits.map((_, i) => readFileSync(of(i, 'patch')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function write(folder: string, tree: Tree): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, entry] of Object.entries(tree)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    if (typeof entry === 'string' || Buffer.isBuffer(entry)) await writeFile(file, entry);
    else if ('link' in entry) await symlink(entry.link, file);
    else {
      await writeFile(file, entry.run);
      await chmod(file, 0o755);
    }
  }
}

/** The section of an edited file. */
export function section(name: string, hunks: string): string {
  const ids = `${'1'.repeat(40)}..${'2'.repeat(40)}`;
  return `diff --git a/${name} b/${name}\nindex ${ids} 100644\n--- a/${name}\n+++ b/${name}\n${hunks}`;
}

export function hunk(
  start: number,
  removed: string[],
  added: string[],
  before: string[] = [],
  after: string[] = [],
): string {
  const context = before.length + after.length;
  const head = `@@ -${start},${removed.length + context} +${start},${added.length + context} @@ f()\n`;
  const marked = (sign: string, lines: string[]) => lines.map((line) => `${sign}${line}\n`).join('');
  return head + marked(' ', before) + marked('-', removed) + marked('+', added) + marked(' ', after);
}
