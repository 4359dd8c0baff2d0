import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { killProcessesIn } from '../../core/processes-in-folder.ts';
import type { Verification } from '../../core/repository-result.ts';
import { BoundedOutput } from './bounded-output.ts';
import type { Redactor } from './redact.ts';
import { restorePermissions } from './restore-permissions.ts';
import { baseEnvironment, type Workspace } from './workspace.ts';

export type CommandOptions = {
  timeoutMs: number;
  /** Ends the command, and makes the call throw the signal's reason. */
  signal: AbortSignal;
  redactor: Redactor;
  /** Variables on top of the closed environment. */
  secrets?: Readonly<Record<string, string>>;
};

/** How long output is read after every known process of the command has ended. */
const DRAIN_MS = 1000;

/**
 * If memory runs out, the kernel kills the command before the worker, which can then report it. The umask is
 * reset, because builds and tests expect the usual modes.
 */
const AS_FIRST_VICTIM =
  'umask 022; { echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null; exec /bin/sh -c "$1"';

/**
 * Runs a shell command in the work tree, as the commands' user if there is one, with a closed environment and
 * no standard input. At the command's end, the time-out or the signal, every process that it started is
 * killed, and its files become the worker's.
 */
export async function runCommand(
  workspace: Workspace,
  command: string,
  { timeoutMs, signal, redactor, secrets }: CommandOptions,
): Promise<Verification> {
  signal.throwIfAborted();
  await workspace.commandUser?.lend(workspace.tree);
  const started = performance.now();
  const output = new BoundedOutput(redactor);
  const child = start(workspace, command, secrets);
  child.stdout!.on('data', (chunk: Buffer) => output.write(chunk));
  child.stderr!.on('data', (chunk: Buffer) => output.write(chunk));
  const closed = once(child, 'close');
  const stop = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const end = () => endAll(workspace, child);
  stop.addEventListener('abort', end, { once: true });
  let exitCode: number | null;
  try {
    [exitCode] = (await once(child, 'exit')) as [number | null];
    await end();
    await drained(child, closed);
  } finally {
    stop.removeEventListener('abort', end);
    await workspace.commandUser?.takeBack(workspace.tree);
  }
  await restorePermissions(workspace.tree);
  signal.throwIfAborted();
  const timedOut = stop.aborted ? `\nEnded after ${timeoutMs / 1000} s: the command took too long.` : '';
  return {
    command,
    exitCode: stop.aborted ? null : exitCode,
    seconds: Math.round(performance.now() - started) / 1000,
    output: output.text + timedOut,
  };
}

function start(
  { tree, home, scratch, commandUser }: Workspace,
  command: string,
  secrets: CommandOptions['secrets'],
): ChildProcess {
  const shell = ['/bin/sh', '-c', AS_FIRST_VICTIM, 'sh', command];
  const [program, ...args] = commandUser ? commandUser.command(shell) : shell;
  return spawn(program!, args, {
    cwd: tree,
    env: { ...secrets, ...baseEnvironment(home, scratch) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Kills the command's process group, and the processes that left it. */
async function endAll({ root, commandUser }: Workspace, child: ChildProcess): Promise<void> {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // The group has ended, or belongs to another user.
  }
  if (commandUser) await commandUser.endAll();
  else killProcessesIn(root);
}

/** Waits for the end of the output, but not long: a process that was not found may hold the pipe open. */
async function drained(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, DRAIN_MS);
  await closed;
  clearTimeout(timer);
}

/** Formats a command's result for the model. */
export function describeCommand({ exitCode, seconds, output }: Verification): string {
  const status = exitCode === null ? 'was ended by a signal' : `ended with exit code ${exitCode}`;
  return `The command ${status} after ${seconds} s.\n${output}`;
}
