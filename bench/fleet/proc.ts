import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Seconds of CPU of the process, and of its ended children with all that they waited for. */
export type CpuTimes = { own: number; children: number };

/** Linux only, like this whole file: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export function cpuTimes(pid: number): CpuTimes {
  // The third field and later: the command's name before them may have spaces.
  const fields = fieldsAfterName(pid);
  const seconds = (field: number) => Number(fields[field - 3]) / TICKS_PER_SECOND;
  return { own: seconds(14) + seconds(15), children: seconds(16) + seconds(17) };
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

function fieldsAfterName(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The high-water mark of a process's resident memory, in MiB. */
export function peakMebibytes(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

/** Selects a process by its parent's id and its command line (arguments separated by spaces). */
export type Seen = { parent: number; command: string };

/**
 * Samples the `wanted` processes every few milliseconds. The high-water mark only grows, so the last
 * sample counts.
 */
export function watchPeaks(wanted: (process: Seen) => boolean): { stop(): number[] } {
  const peaks = new Map<number, number>();
  const others = new Set<number>();
  const look = () => {
    for (const pid of pids()) {
      if (others.has(pid)) continue;
      try {
        if (!peaks.has(pid) && !wanted(processOf(pid))) others.add(pid);
        else peaks.set(pid, Math.max(peaks.get(pid) ?? 0, peakMebibytes(pid) || 0));
      } catch {
        // The process ended between two samples.
      }
    }
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    stop() {
      clearInterval(timer);
      return [...peaks.values()];
    },
  };
}

const LOOK_MS = 20;

function pids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function processOf(pid: number): Seen {
  const [, parent] = fieldsAfterName(pid);
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  return { parent: Number(parent), command };
}
