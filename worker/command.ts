import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Verification } from '../core/repository-result.ts';
import { BoundedOutput } from './bounded-output.ts';
import { baseEnvironment, type Workspace } from './workspace.ts';

export type CommandOptions = {
  timeoutMs: number;
  /** Ends the command, and makes the call throw the signal's reason. */
  signal: AbortSignal;
};

/** How long output may keep coming once the command itself and its group have ended. */
const DRAIN_MS = 1000;

/**
 * Runs a shell command in the work tree, in a process group of its own that is killed whole: at the timeout, at the
 * signal, and at the command's end, so that nothing it left behind works on. Its environment is closed.
 */
export async function runCommand(
  workspace: Workspace,
  command: string,
  { timeoutMs, signal }: CommandOptions,
): Promise<Verification> {
  signal.throwIfAborted();
  const started = performance.now();
  const output = new BoundedOutput();
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: workspace.tree,
    env: baseEnvironment(workspace),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdout.on('data', (chunk: Buffer) => output.write(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.write(chunk));
  const closed = once(child, 'close');
  const stop = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const kill = () => killGroup(child);
  stop.addEventListener('abort', kill, { once: true });
  let exitCode: number | null;
  try {
    [exitCode] = (await once(child, 'exit')) as [number | null];
    kill();
    await drained(child, closed);
  } finally {
    stop.removeEventListener('abort', kill);
  }
  signal.throwIfAborted();
  const timedOut = stop.aborted ? `\nEnded after ${timeoutMs / 1000} s: the command took too long.` : '';
  return {
    command,
    exitCode: stop.aborted ? null : exitCode,
    seconds: Math.round(performance.now() - started) / 1000,
    output: output.text + timedOut,
  };
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

/** A process that left the group may hold the pipe open; its output is not waited for. */
async function drained(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, DRAIN_MS);
  await closed;
  clearTimeout(timer);
}

/** A command's result as the model reads it. */
export function describeCommand({ exitCode, seconds, output }: Verification): string {
  const status = exitCode === null ? 'was ended by a signal' : `ended with exit code ${exitCode}`;
  return `The command ${status} after ${seconds} s.\n${output}`;
}
