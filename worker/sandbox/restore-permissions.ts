import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What neither git nor the file tools can work with. */
const UNFIT = {
  /** Of a mode that keeps even its owner out. */
  closed: ['(', '-type', 'd', '!', '-perm', '-700', '-o', '-type', 'f', '!', '-perm', '-600', ')'],
  /** A pipe that git would wait on for ever, were it named .gitignore; a socket or a device. */
  special: ['!', '(', '-type', 'd', '-o', '-type', 'f', '-o', '-type', 'l', ')'],
};

/**
 * Opens to its owner what a command closed, and removes what is neither file, folder nor symbolic link. The commands' own
 * repository is passed over: nothing of ours looks into it, and git itself closes the files there.
 */
export async function restorePermissions(tree: string): Promise<void> {
  const find = ['find', tree, '-path', `${tree}/.git`, '-prune', '-o'];
  const look = [...find, '(', ...UNFIT.closed, '-o', ...UNFIT.special, ')', '-print', '-quit'];
  if ((await attempt(look)) === '') return;
  // Top down, so that a closed folder is open before it is gone into. Changes no link's target.
  await attempt(['chmod', '-R', 'u+rwX', tree]);
  await attempt([...find, ...UNFIT.special, '-exec', 'rm', '-f', '{}', '+']);
}

/** What the program printed; undefined where it failed: a file of another user, or a path that is too long. */
async function attempt(command: readonly string[]): Promise<string | undefined> {
  const [program, ...args] = command;
  try {
    return (await run(program!, args, { env: { PATH: process.env.PATH ?? '' } })).stdout;
  } catch {
    return undefined;
  }
}
