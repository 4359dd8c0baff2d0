import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** `find` conditions for what neither git nor the file tools can work with. */
const UNFIT = {
  /** Folders and files that even their owner cannot open. */
  closed: ['(', '-type', 'd', '!', '-perm', '-700', '-o', '-type', 'f', '!', '-perm', '-600', ')'],
  /** Pipes, sockets and devices. git would hang on a pipe named .gitignore. */
  special: ['!', '(', '-type', 'd', '-o', '-type', 'f', '-o', '-type', 'l', ')'],
};

/**
 * Makes everything in the tree accessible to its owner, and removes what is not a file, folder or symbolic
 * link. Skips the commands' repository: the worker never reads it, and git makes its object files read-only.
 */
export async function restorePermissions(tree: string): Promise<void> {
  const find = ['find', tree, '-path', `${tree}/.git`, '-prune', '-o'];
  const look = [...find, '(', ...UNFIT.closed, '-o', ...UNFIT.special, ')', '-print', '-quit'];
  if ((await attempt(look)) === '') return;
  // Top down, so that a closed folder is opened before its content. Does not follow links.
  await attempt(['chmod', '-R', 'u+rwX', tree]);
  await attempt([...find, ...UNFIT.special, '-exec', 'rm', '-f', '{}', '+']);
}

/** Returns undefined if the program failed, such as for another user's file or a path that is too long. */
async function attempt(command: readonly string[]): Promise<string | undefined> {
  const [program, ...args] = command;
  try {
    return (await run(program!, args, { env: { PATH: process.env.PATH ?? '' } })).stdout;
  } catch {
    return undefined;
  }
}
