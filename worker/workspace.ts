import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, realpath } from 'node:fs/promises';
import path from 'node:path';

/** The folders of one run, all inside one temporary folder that is removed with everything in it. */
export type Workspace = {
  readonly root: string;
  /** The work tree: what the model and the job's commands see. */
  readonly tree: string;
  /** The git directory, outside of the tree: a configuration planted in the tree reaches no git of ours. */
  readonly gitFolder: string;
  /** HOME of git and of commands. */
  readonly home: string;
  /** TMPDIR of commands, and ours for files in passing. */
  readonly scratch: string;
  remove(): void;
};

/** Makes `{tempDir}/cody-batch-{jobId}-XXXXXX`. */
export async function createWorkspace(tempDir: string, jobId: string): Promise<Workspace> {
  await mkdir(tempDir, { recursive: true });
  const root = await realpath(await mkdtemp(path.join(tempDir, `cody-batch-${jobId}-`)));
  const folders = { tree: 'tree', home: 'home', scratch: 'tmp' } as const;
  for (const name of [folders.home, folders.scratch]) await mkdir(path.join(root, name));
  return {
    root,
    tree: path.join(root, folders.tree),
    gitFolder: path.join(root, 'git'),
    home: path.join(root, folders.home),
    scratch: path.join(root, folders.scratch),
    // The last thing that a worker does, so nothing waits beside it; the asynchronous way takes four times as long.
    // Retried: a command's last child may still write while it dies.
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}

/**
 * The whole environment that git and commands start from. Nothing is inherited: this process knows the address of the
 * task's credentials, and perhaps secrets.
 */
export function baseEnvironment({
  home,
  scratch,
}: Pick<Workspace, 'home' | 'scratch'>): Record<string, string> {
  return {
    // The one variable that only the machine knows: where its programs are.
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    TMPDIR: scratch,
    LANG: 'C.UTF-8',
  };
}
