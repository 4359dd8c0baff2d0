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
  /** The git directory, outside of the tree: a configuration planted in the tree reaches no git of ours. */
  readonly gitFolder: string;
  /** HOME and TMPDIR of git, and ours for files in passing: nothing that a command planted is there. */
  readonly privateFolder: string;
  /** HOME of commands. */
  readonly home: string;
  /** TMPDIR of commands. */
  readonly scratch: string;
  /** Who runs the commands; this process's own user where it is undefined. */
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
    // To be passed through on the way to the tree, not to be read.
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

/** The last thing that a worker does, so nothing waits beside it; the asynchronous way takes four times as long. */
function remove({ root, tree, home, scratch, commandUser }: Omit<Workspace, 'remove'>): void {
  commandUser?.removeSync(tree, home, scratch);
  // Retried: a command's last child may still write while it dies.
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const;
  try {
    rmSync(root, options);
  } catch {
    // A command left folders that nobody may enter.
    execFileSync('chmod', ['-R', 'u+rwX', root], { stdio: 'ignore' });
    rmSync(root, options);
  }
}

/**
 * The whole environment that git and commands start from. Nothing is inherited: this process knows the address of the
 * task's credentials, and perhaps secrets.
 */
export function baseEnvironment(home: string, temporaryFolder: string): Record<string, string> {
  return {
    // The one variable that only the machine knows: where its programs are.
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    TMPDIR: temporaryFolder,
    LANG: 'C.UTF-8',
  };
}
