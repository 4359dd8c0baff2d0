import { constants } from 'node:fs';
import { lstat, open, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { simpleGit } from 'simple-git';
import { InvalidInputError } from '../core/errors.ts';

/** Where a work tree keeps what git knows of it. Both are the same but for a linked work tree (git-worktree(1)). */
export type GitFolder = {
  /** HEAD and the index. */
  own: string;
  /** Objects and references. */
  common: string;
};

/** Longer than any of git's own one-line files. */
const MAX_LINE_FILE = 64 * 1024;
/** References of a million branches. */
const MAX_PACKED_REFS = 128 * 1024 * 1024;

/**
 * Finds the git directory of a work tree as git does, but reads none of its configuration: that can name programs, other
 * folders and servers. Undefined where the folder is not a work tree's top. Throws InvalidInputError where git refuses it.
 */
export async function findGitFolder(tree: string): Promise<GitFolder | undefined> {
  const link = path.join(tree, '.git');
  const found = await lstat(link).catch(() => undefined);
  if (!found) return undefined;
  let own = link;
  if (found.isFile()) {
    const target = /^gitdir: (.+?)\r?\n*$/s.exec((await readRegularFile(link, MAX_LINE_FILE)) ?? '')?.[1];
    if (!target) return undefined;
    own = path.resolve(tree, target);
  }
  own = await realpath(own).catch(() => '');
  if (!own || !(await lstat(own)).isDirectory()) return undefined;
  await requireOwner(tree, [tree, link, own]);
  const shared = (await readRegularFile(path.join(own, 'commondir'), MAX_LINE_FILE))?.replace(/\r?\n$/, '');
  const common = shared ? await realpath(path.resolve(own, shared)).catch(() => '') : own;
  if (!common) return undefined;
  if (common !== own) await requireOwner(tree, [common]);
  return { own, common };
}

/** The commit and the branch that HEAD is on. Undefined where there is no commit yet. */
export async function readHead({
  own,
  common,
}: GitFolder): Promise<{ sha: string; branch?: string } | undefined> {
  let said = await readRegularFile(path.join(own, 'HEAD'), MAX_LINE_FILE);
  let branch: string | undefined;
  // One symbolic reference may name another one; git follows five.
  for (let depth = 0; depth < 5; depth++) {
    const text = said?.trim() ?? '';
    if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return { sha: text, ...(branch && { branch }) };
    const ref = /^ref: *(refs\/\S.*)$/.exec(text)?.[1];
    if (!ref || ref.split('/').some((part) => part === '..' || part === '.' || part === '')) return undefined;
    if (depth === 0 && ref.startsWith(BRANCHES)) branch = ref.slice(BRANCHES.length);
    said = (await readRegularFile(path.join(common, ref), MAX_LINE_FILE)) ?? (await packed(common, ref));
  }
  return undefined;
}

const BRANCHES = 'refs/heads/';

async function packed(common: string, ref: string): Promise<string | undefined> {
  const refs = await readRegularFile(path.join(common, 'packed-refs'), MAX_PACKED_REFS);
  const line = refs?.split('\n').find((entry) => entry.endsWith(` ${ref}`) && !entry.startsWith('#'));
  return line?.split(' ')[0];
}

/** The text of a small file. Undefined where it is not there, is longer, or is a link, a pipe or a device. */
export async function readRegularFile(file: string, maxBytes: number): Promise<string | undefined> {
  return (await readRegularBytes(file, maxBytes))?.toString('utf8');
}

export async function readRegularBytes(file: string, maxBytes: number): Promise<Buffer | undefined> {
  // Without O_NONBLOCK the opening of a pipe waits for its other end.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const stats = await handle.stat();
    return stats.isFile() && stats.size <= maxBytes ? await handle.readFile() : undefined;
  } finally {
    await handle.close();
  }
}

/** The folders of loose objects and of packs, as names: links are left out, since they may lead to another repository. */
export async function objectFolders(objects: string): Promise<string[]> {
  const entries = await readdir(objects, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && /^(?:[0-9a-f]{2}|pack)$/.test(entry.name))
    .map(({ name }) => name);
}

/**
 * git's own rule, which it does not hold for a git directory that it is given: what another user owns may be configured to
 * harm whoever reads it. Throws InvalidInputError.
 */
async function requireOwner(tree: string, parts: readonly string[]): Promise<void> {
  const user = process.geteuid?.();
  if (user === undefined) return;
  const allowed = new Set([
    user,
    ...(user === 0 && process.env.SUDO_UID ? [Number(process.env.SUDO_UID)] : []),
  ]);
  const owners = await Promise.all(parts.map(async (part) => ({ part, uid: (await lstat(part)).uid })));
  const other = owners.find(({ uid }) => !allowed.has(uid));
  if (!other || (await isDeclaredSafe(tree))) return;
  throw new InvalidInputError(
    `${tree} is not yours: ${other.part} belongs to the user ${other.uid}, and you are ${user}; git refuses such a work tree too. Run this as that user, or change the owner, or, if you trust it, run: git config --global --add safe.directory ${tree}`,
    { field: 'repo', received: tree },
  );
}

/** Whether the configuration of the user or the machine names this tree in `safe.directory`. The tree's own does not count. */
async function isDeclaredSafe(tree: string): Promise<boolean> {
  const { PATH = '', HOME, XDG_CONFIG_HOME } = process.env;
  // Without GIT_* variables of the shell, and outside of any repository.
  const git = simpleGit({ baseDir: '/' }).env({
    PATH,
    ...(HOME && { HOME }),
    ...(XDG_CONFIG_HOME && { XDG_CONFIG_HOME }),
  });
  let isSafe = false;
  for (const scope of ['system', 'global'] as const) {
    // It fails if there is no such file.
    const { values } = await git.getConfig('safe.directory', scope).catch(() => ({ values: [] }));
    for (const value of values) {
      // An empty value removes the earlier ones.
      if (value === '') isSafe = false;
      else if (value === '*' || value === tree) isSafe = true;
      else if (value.endsWith('/*') && tree.startsWith(value.slice(0, -1))) isSafe = true;
    }
  }
  return isSafe;
}
