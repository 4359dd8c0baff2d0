import { execFileSync } from 'node:child_process';
import { z } from 'zod';
import { readProc } from '../../core/processes-in-folder.ts';

/** A process, told apart from a later one that got the same pid. */
export const ProcessIdentity = z.object({
  pid: z.int().positive(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  /** The kernel's own account of the start: the boot and the clock ticks since. Linux only. */
  start: z.string().optional(),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

export function identifyProcess(pid: number, startedAt: number): ProcessIdentity {
  return { pid, startedAt, start: kernelStart(pid) };
}

/** Whether the process still exists; one that ended and that its parent has not yet collected does not. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.start !== undefined) return kernelStart(identity.pid) === identity.start;
  const startedAt = listedStart(identity.pid);
  // ps cuts to whole seconds, and the record was made a moment after the start.
  return startedAt !== undefined && Math.abs(startedAt - identity.startedAt) < 2000;
}

/** Signals every process of the group that `leader` leads. A group that has ended is no error. */
export function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // macOS answers EPERM for a group in which only uncollected processes are left.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Undefined where there is no /proc, or no such process. Fields by proc_pid_stat(5). */
function kernelStart(pid: number): string | undefined {
  const stat = readProc(`${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field, the program's name, may itself hold spaces and parentheses: count from its end, at the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[3 - 3], fields[22 - 3]];
  return state === 'Z' ? undefined : `${readProc('sys/kernel/random/boot_id')?.trim()} ${startTicks}`;
}

/** What ps says of the start; undefined when it lists no such process, or none that still runs. */
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
