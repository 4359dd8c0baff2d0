import { constants } from 'node:fs';
import { lstat, open, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { simpleGit } from 'simple-git';
import { InvalidInputError } from '../../core/errors.ts';

/** The git directory of a work tree. The two differ only for a linked work tree (git-worktree(1)). */
export type GitFolder = {
  /** HEAD and the index. */
  own: string;
  /** Objects and references. */
  common: string;
};

/** Longer than any of git's one-line files. */
const MAX_LINE_FILE = 64 * 1024;
/** Room for a million branches. */
const MAX_PACKED_REFS = 128 * 1024 * 1024;

/**
 * Finds the git directory of a work tree as git does, but without its configuration, which can name programs,
 * other folders and servers. Returns undefined if the folder is not a work tree's top. Throws
 * InvalidInputError if another user owns it and no `safe.directory` allows that.
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

/** Returns HEAD's commit and branch; undefined if there is no commit yet. */
export async function readHead({
  own,
  common,
}: GitFolder): Promise<{ sha: string; branch?: string } | undefined> {
  let content = await readRegularFile(path.join(own, 'HEAD'), MAX_LINE_FILE);
  let branch: string | undefined;
  // One symbolic reference may name another one; git follows five.
  for (let depth = 0; depth < 5; depth++) {
    const text = content?.trim() ?? '';
    if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return { sha: text, ...(branch && { branch }) };
    const ref = /^ref: *(refs\/\S.*)$/.exec(text)?.[1];
    if (!ref || ref.split('/').some((part) => part === '..' || part === '.' || part === '')) return undefined;
    if (depth === 0 && ref.startsWith(BRANCHES)) branch = ref.slice(BRANCHES.length);
    content = (await readRegularFile(path.join(common, ref), MAX_LINE_FILE)) ?? (await packed(common, ref));
  }
  return undefined;
}

const BRANCHES = 'refs/heads/';

async function packed(common: string, ref: string): Promise<string | undefined> {
  const refs = await readRegularFile(path.join(common, 'packed-refs'), MAX_PACKED_REFS);
  const line = refs?.split('\n').find((entry) => entry.endsWith(` ${ref}`) && !entry.startsWith('#'));
  return line?.split(' ')[0];
}

/** Returns undefined if the file does not exist, is longer, or is a link, a pipe or a device. */
export async function readRegularFile(file: string, maxBytes: number): Promise<string | undefined> {
  return (await readRegularBytes(file, maxBytes))?.toString('utf8');
}

export async function readRegularBytes(file: string, maxBytes: number): Promise<Buffer | undefined> {
  // Without O_NONBLOCK, opening a pipe would wait for its other end.
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

/** Returns the names of the folders of loose objects and packs, without links to other repositories. */
export async function objectFolders(objects: string): Promise<string[]> {
  const entries = await readdir(objects, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && /^(?:[0-9a-f]{2}|pack)$/.test(entry.name))
    .map(({ name }) => name);
}

/**
 * Applies git's rule of `safe.directory`, which git does not check if GIT_DIR is set: another user's
 * repository may have a harmful configuration. Throws InvalidInputError.
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
    `${tree} is not yours: ${other.part} belongs to the user ${other.uid}, and you are ${user}. git refuses such a work tree too. Run this as that user, or change the owner, or, if you trust it, run: git config --global --add safe.directory ${tree}`,
    { field: 'repo', received: tree },
  );
}

/** Whether the user's or the machine's configuration, not the tree's, has this tree in `safe.directory`. */
async function isDeclaredSafe(tree: string): Promise<boolean> {
  const { PATH = '', HOME, XDG_CONFIG_HOME } = process.env;
  // Without GIT_* variables from the environment, and outside of any repository.
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
