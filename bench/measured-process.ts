import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { closeOnce } from './ending.ts';

/** In seconds. `cpu` is user and system time of the process and of all descendants that were waited for. */
export type Measured = { wall: number; cpu: number; output: string };

/** bash's built-in `time` starts no further process and has milliseconds from the kernel (wait4). */
const SCRIPT = 'TIMEFORMAT="%3R %3U %3S"; time "$@" 2>&1';

/** Several times the slowest run on a busy machine. */
const LIMIT_MS = 300_000;

/** Runs a program to its end, in exactly this environment. If it fails, throws with its output. */
export async function measureProcess(
  command: readonly string[],
  environment: Record<string, string>,
): Promise<Measured> {
  const child = spawn('bash', ['-c', SCRIPT, 'bash', ...command], {
    env: { ...environment, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a new process group, so that it can be ended with its descendants.
    detached: true,
  });
  const kill = closeOnce(() => killGroup(child.pid!));
  const timer = setTimeout(kill, LIMIT_MS);
  const [[exitCode], output, times] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  clearTimeout(timer);
  await kill();
  const [, wall, user, system] = /^(\S+) (\S+) (\S+)\n$/.exec(times) ?? [];
  if (exitCode !== 0 || wall === undefined) {
    const end = exitCode ?? `a signal (it may take ${LIMIT_MS / 1000} s)`;
    throw new Error(`${command.join(' ')} ended with ${end}: ${output}${times}`);
  }
  return { wall: Number(wall), cpu: Number(user) + Number(system), output };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has already ended.
  }
}

/** The variables of the machine that a program needs, without a developer's keys. */
export function plainEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
}
