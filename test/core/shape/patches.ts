import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A file: its text, or where it leads as a link, or its text and that it can be executed. */
export type Entry = string | Buffer | { link: string } | { run: string };
export type Tree = Readonly<Record<string, Entry>>;

/** One process for all of git's: a fork of a large process is dear, and the tests make hundreds of patches. */
const COMMANDS = `
git() { command git -c core.autocrlf=false -c core.quotePath=true "$@"; }
git init --quiet --template= .
git --work-tree=before add --all --force
tree=$(git write-tree)
git --work-tree=after add --all --force
git diff-index --cached --no-renames -p --binary --full-index --src-prefix=a/ --dst-prefix=b/ "$tree"
`;

/** The patch between two trees, as the worker's git writes it. */
export async function patchBetween(before: Tree, after: Tree): Promise<Buffer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'shape-'));
  try {
    await write(path.join(folder, 'before'), before);
    await write(path.join(folder, 'after'), after);
    return execFileSync('/bin/sh', ['-e', '-c', COMMANDS], {
      cwd: folder,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function write(folder: string, tree: Tree): Promise<void> {
  await mkdir(folder);
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
