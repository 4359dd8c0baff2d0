import { execFileSync } from 'node:child_process';
import { z } from 'zod';
import { readProc } from '../../core/processes-in-folder.ts';

/** Identifies a process, and distinguishes it from a later one with the same pid. */
export const ProcessIdentity = z.object({
  pid: z.int().positive(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  /** The start as the kernel has it: the boot's id and the clock ticks since the boot. Linux only. */
  start: z.string().optional(),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

export function identifyProcess(pid: number, startedAt: number): ProcessIdentity {
  return { pid, startedAt, start: kernelStart(pid) };
}

/** Whether the process still runs. A zombie does not. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.start !== undefined) return kernelStart(identity.pid) === identity.start;
  const startedAt = listedStart(identity.pid);
  // ps truncates to whole seconds, and the record was made a moment after the start.
  return startedAt !== undefined && Math.abs(startedAt - identity.startedAt) < 2000;
}

/** Signals every process of the group that `leader` leads. Does nothing if the group has ended. */
export function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // macOS fails with EPERM if the group has only zombies.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Returns undefined without /proc or without such a process. The fields are those of proc_pid_stat(5). */
function kernelStart(pid: number): string | undefined {
  const stat = readProc(`${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field, the program's name, may contain spaces and parentheses, so count from the third field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[3 - 3];
  const startTicks = fields[22 - 3];
  return state === 'Z' ? undefined : `${readProc('sys/kernel/random/boot_id')?.trim()} ${startTicks}`;
}

/** Returns the start by ps, or undefined if the process does not exist or is a zombie. */
function listedStart(pid: number): number | undefined {
  try {
    const line = execFileSync('/bin/ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      env: { LC_ALL: 'C', TZ: 'UTC' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    const [state, ...start] = line.split(/\s+/);
    return state?.startsWith('Z') ? undefined : Date.parse(`${start.join(' ')} UTC`);
  } catch {
    return undefined;
  }
}
