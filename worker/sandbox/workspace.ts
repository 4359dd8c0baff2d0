import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { CommandUser } from './command-user.ts';

/** The folders of one run, all inside one temporary folder that is removed with everything in it. */
export type Workspace = {
  readonly root: string;
  /** The work tree: what the model and the job's commands see. */
  readonly tree: string;
  /** The git directory, outside of the tree: git never reads a configuration planted in the tree. */
  readonly gitFolder: string;
  /** HOME and TMPDIR of git, and the worker's temporary files. Commands cannot write to it. */
  readonly privateFolder: string;
  /** HOME of commands. */
  readonly home: string;
  /** TMPDIR of commands. */
  readonly scratch: string;
  /** @default commands run as this process's user */
  readonly commandUser: CommandUser | undefined;
  remove(): void;
};

/** Makes `{tempDir}/cody-batch-{jobId}-XXXXXX`. */
export async function createWorkspace(
  tempDir: string,
  jobId: string,
  commandUser?: CommandUser,
): Promise<Workspace> {
  await mkdir(tempDir, { recursive: true });
  const root = await realpath(await mkdtemp(path.join(tempDir, `cody-batch-${jobId}-`)));
  const privateFolder = path.join(root, 'private');
  const home = path.join(root, 'home');
  const scratch = path.join(root, 'tmp');
  for (const folder of [privateFolder, home, scratch]) await mkdir(folder, { mode: 0o700 });
  if (commandUser) {
    // Commands may pass through it to the tree, but not list it.
    await chmod(root, 0o711);
    await commandUser.lend(home, scratch);
  }
  const gitFolder = path.join(privateFolder, 'git');
  const workspace = {
    root,
    tree: path.join(root, 'tree'),
    gitFolder,
    privateFolder,
    home,
    scratch,
    commandUser,
  };
  return { ...workspace, remove: () => remove(workspace) };
}

/** Synchronous, because it takes a quarter of the time, and a worker does nothing else at its end. */
function remove({ root, tree, home, scratch, commandUser }: Omit<Workspace, 'remove'>): void {
  commandUser?.removeSync(tree, home, scratch);
  // Retried: a command's last child may still write while it dies.
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const;
  try {
    rmSync(root, options);
  } catch {
    // A command left folders without permissions.
    execFileSync('chmod', ['-R', 'u+rwX', root], { stdio: 'ignore' });
    rmSync(root, options);
  }
}

/**
 * The base environment of git and commands. Only PATH is inherited: this process's environment has the
 * address of the task's credentials, and may have secrets.
 */
export function baseEnvironment(home: string, temporaryFolder: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    TMPDIR: temporaryFolder,
    LANG: 'C.UTF-8',
  };
}
