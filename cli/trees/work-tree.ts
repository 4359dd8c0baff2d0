import {
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvalidInputError } from '../../core/errors.ts';
import {
  BOUNDED_GIT,
  CLOSED_CONFIG,
  closedGitEnvironment,
  type GitConfig,
} from '../../core/git-environment.ts';
import { GitFailedError, runGit } from '../../core/git-process.ts';
import { findGitFolder, type GitFolder, objectFolders, readHead, readRegularBytes } from './git-folder.ts';

const SHA1_LENGTH = 40;
/** For each git process on the user's tree. */
const TIMEOUT_MS = 10 * 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** A user's work tree. */
export type WorkTree = {
  /** Its top folder, without symbolic links. */
  path: string;
  /** Its repository on the local GitHub: `local/{folder}`. */
  name: string;
  headSha: string;
  /** HEAD's branch; `main` if HEAD is detached. */
  branch: string;
  /** Number of files with uncommitted changes, which are left out; undefined if they cannot be counted. */
  uncommitted: number | undefined;
};

/**
 * Reads a work tree without any change to it and without its configuration (see Reader). Throws
 * InvalidInputError if it is not a work tree, belongs to another user, or has no commit.
 */
export async function inspectWorkTree(given: string): Promise<WorkTree> {
  const refuse = (problem: string) =>
    new InvalidInputError(`${given} ${problem}`, { field: 'repo', received: given });
  const folder = await realpath(given).catch(() => {
    throw refuse('does not exist; name the folder of a git work tree.');
  });
  const gitFolder = await findGitFolder(folder);
  if (!gitFolder) {
    if (await isBare(folder)) throw refuse('is a bare repository; clone it and name the clone.');
    const top = await topAbove(folder);
    throw refuse(
      top
        ? `is inside the work tree ${top}; name that folder, since a job works on whole repositories.`
        : 'is not a git work tree; name the folder of one.',
    );
  }
  if (await isThere(path.join(gitFolder.common, 'reftable')))
    throw refuse(
      'keeps its references in a reftable, which is not supported here; run `git refs migrate --ref-format=files` in it, or clone it and name the clone.',
    );
  const head = await readHead(gitFolder);
  if (!head) throw refuse('has no commit yet; commit something first.');
  if (head.sha.length > SHA1_LENGTH)
    throw refuse(
      'uses SHA-256 for its objects, which GitHub does not support; convert it to SHA-1, or leave it out.',
    );
  const uncommitted = await Reader.use(folder, gitFolder, head.sha, async (reader) => {
    await reader.requireComplete(head.sha, refuse);
    return reader.countUncommitted();
  });
  return {
    path: folder,
    name: `local/${repositoryNameOf(path.basename(folder))}`,
    headSha: head.sha,
    branch: head.branch ?? 'main',
    uncommitted,
  };
}

/** Pushes the inspected commit, and nothing else, to the base branch of a repository of the local GitHub. */
export async function pushHead(
  { path: folder, branch, headSha }: WorkTree,
  url: string,
  token?: string,
): Promise<void> {
  const gitFolder = await findGitFolder(folder);
  if (!gitFolder) throw new InvalidInputError(`${folder} is no longer a git work tree; it was one before.`);
  const protocol = /^(https?):/.exec(url)?.[1] ?? 'file';
  await Reader.use(folder, gitFolder, headSha, (reader) =>
    reader.git(['push', '--force', '--quiet', '--no-verify', url, `${headSha}:refs/heads/${branch}`], {
      protocol,
      config: token ? authorization(token) : {},
    }),
  ).catch((error: unknown) => {
    // The objects of the commits before HEAD are needed only now.
    if (!(error instanceof GitFailedError && MISSING_OBJECT.test(error.stderr))) throw error;
    throw new InvalidInputError(`${folder} ${INCOMPLETE}`, { field: 'repo', received: folder });
  });
}

const MISSING_OBJECT =
  /missing (?:blob|tree|commit)|unable to read|bad object|could not (?:fetch|read)|parse commit/i;

const INCOMPLETE =
  'does not have all objects of its HEAD: it is a partial clone, or borrows objects of another repository (objects/info/alternates), which is not supported here. Make a full clone of it (git clone --no-local), and name that.';

/** Passes the token through the environment, so that it is in no argument and no file. */
function authorization(token: string): GitConfig {
  const credential = Buffer.from(`x-access-token:${token}`).toString('base64');
  return { 'http.extraHeader': `Authorization: Basic ${credential}` };
}

/** Files of the git directory that are copied, because they can only list paths and commits. */
const COPIED: readonly [name: string, maxBytes: number][] = [
  ['info/exclude', 1024 * 1024],
  ['shallow', 16 * 1024 * 1024],
];
const MAX_INDEX_BYTES = 1024 * 1024 * 1024;

/**
 * A temporary bare repository over the objects of a work tree. A tree's configuration can name programs
 * (filters, hooks, monitors, ssh, credential helpers), other servers (insteadOf, a promisor) and other
 * folders (includes, core.worktree, alternates), so git never gets the tree's git directory. It gets this
 * one, which has links to the tree's object folders, a copy of its index, and a configuration written here.
 * Filters and drivers that the tree's attributes name are then not configured, and a missing object is an
 * error.
 */
class Reader {
  readonly #tree: string;
  readonly #folder: string;

  private constructor(tree: string, folder: string) {
    this.#tree = tree;
    this.#folder = folder;
  }

  static async use<T>(
    tree: string,
    source: GitFolder,
    head: string,
    act: (reader: Reader) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-reader-'));
    try {
      const reader = new Reader(tree, folder);
      await reader.#open(source, head);
      return await act(reader);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #open({ own, common }: GitFolder, head: string): Promise<void> {
    const inside = (name: string) => path.join(this.#folder, name);
    await Promise.all(['objects', 'refs', 'info'].map((name) => mkdir(inside(name))));
    await writeFile(inside('HEAD'), `${head}\n`);
    await writeFile(inside('config'), '[core]\n\trepositoryformatversion = 0\n\tbare = true\n');
    const objects = path.join(common, 'objects');
    await Promise.all(
      (await objectFolders(objects)).map((name) =>
        symlink(path.join(objects, name), path.join(this.#folder, 'objects', name)),
      ),
    );
    for (const [name, maxBytes] of COPIED) {
      const bytes = await readRegularBytes(path.join(common, name), maxBytes);
      if (bytes) await writeFile(inside(name), bytes);
    }
    // A split index has a second file.
    const parts = (await readdir(own)).filter((name) => /^(?:index|sharedindex\.[0-9a-f]{40})$/.test(name));
    for (const name of parts) await copyIndex(path.join(own, name), inside(name));
  }

  /** Throws if the tree's objects do not include all of a commit's files. */
  async requireComplete(sha: string, refuse: (problem: string) => Error): Promise<void> {
    const args = [
      'rev-list',
      '--objects',
      '--no-object-names',
      '--max-count=1',
      '--quiet',
      `${sha}^{commit}`,
      '--',
    ];
    await this.git(args).catch(() => {
      throw refuse(INCOMPLETE);
    });
  }

  /** Counts the files that differ from HEAD, without the programs of the tree's configuration. */
  async countUncommitted(): Promise<number | undefined> {
    try {
      const listed = await this.git(['status', '--porcelain', '--no-renames', '--ignore-submodules=all'], {
        onTree: true,
      });
      return listed === '' ? 0 : listed.trimEnd().split('\n').length;
    } catch {
      // The index is damaged or unsupported, but the commit is complete.
      return undefined;
    }
  }

  async git(
    args: readonly string[],
    options: { protocol?: string; config?: GitConfig; onTree?: boolean } = {},
  ): Promise<string> {
    const { protocol = '', config, onTree = false } = options;
    const { stdout } = await runGit(args, {
      program: BOUNDED_GIT,
      cwd: onTree ? this.#tree : this.#folder,
      maxBytes: MAX_OUTPUT_BYTES,
      timeoutMs: TIMEOUT_MS,
      environment: {
        ...closedGitEnvironment(
          { ...CLOSED_CONFIG, ...(onTree && { 'core.bare': 'false' }), ...config },
          protocol,
        ),
        GIT_DIR: this.#folder,
        ...(onTree && { GIT_WORK_TREE: this.#tree }),
        // Without this, `git status` would refresh the index.
        GIT_OPTIONAL_LOCKS: '0',
      },
    });
    return stdout.toString();
  }
}

/** Keeps the modification time: git reads again all files that are not older than its index. */
async function copyIndex(from: string, to: string): Promise<void> {
  const stats = await lstat(from);
  if (!stats.isFile() || stats.size > MAX_INDEX_BYTES) return;
  await copyFile(from, to);
  // Rounded down to whole seconds, so that git reads too many files rather than too few.
  const written = Math.floor(stats.mtimeMs / 1000);
  await utimes(to, written, written);
}

async function topAbove(folder: string): Promise<string | undefined> {
  for (let above = path.dirname(folder); ; above = path.dirname(above)) {
    if (await isThere(path.join(above, '.git'))) return above;
    if (above === path.dirname(above)) return undefined;
  }
}

async function isBare(folder: string): Promise<boolean> {
  const parts = await Promise.all(
    ['HEAD', 'objects', 'refs'].map((name) => isThere(path.join(folder, name))),
  );
  return parts.every(Boolean);
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Returns a name that GitHub accepts. */
function repositoryNameOf(folder: string): string {
  const name = folder
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[-.]+/, '')
    .replace(/\.git$/, '')
    .slice(0, 90);
  return name || 'repository';
}
