import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { descendantsOf, type Process, processes } from '../../process-tree.ts';

/** What could be seen of a worker from outside while it ran. */
export type Observation = {
  /** Command lines of the worker and of everything that it started. */
  commandLines: Set<string>;
  /** Environments of everything that it started, but for git while it speaks to the server. */
  environments: Set<string>;
  /** The configurations of the clones. */
  gitConfigs: Set<string>;
  /** The most memory that the worker had, in MiB. */
  workerMiB: number;
  /** The most that the worker and its git processes had at one time, in MiB. */
  withGitMiB: number;
};

/** Looks at a process and its descendants every few milliseconds, until it is told to stop. */
export function observe(pid: number, tempDir: string): { stop(): Observation } {
  const seen: Observation = {
    commandLines: new Set(),
    environments: new Set(),
    gitConfigs: new Set(),
    workerMiB: 0,
    withGitMiB: 0,
  };
  const look = () => {
    const all = processes();
    const worker = all.find((one) => one.pid === pid);
    // A child that has not yet become its program still has the worker's own memory.
    const children = descendantsOf(pid, all).filter(({ command }) => command !== worker?.command);
    for (const { command } of worker ? [worker, ...children] : children) seen.commandLines.add(command);
    for (const child of children.filter((one) => !speaksToServer(one)))
      seen.environments.add(read(`/proc/${child.pid}/environ`).replaceAll('\0', '\n'));
    for (const run of readdirSync(tempDir, { withFileTypes: true }))
      seen.gitConfigs.add(read(path.join(tempDir, run.name, 'own/git/config')));
    seen.workerMiB = Math.max(seen.workerMiB, memoryMiB(pid, 'VmHWM'));
    const gits = children.filter(({ command }) => /^(?:\S*\/)?git /.test(command));
    const now = [pid, ...gits.map((one) => one.pid)].reduce((sum, one) => sum + memoryMiB(one, 'VmRSS'), 0);
    seen.withGitMiB = Math.max(seen.withGitMiB, now);
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch {
      // The folder is not there yet, or not any more.
    }
  }, 15);
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}

function speaksToServer({ command }: Process): boolean {
  return /\bgit (?:\S+ )*?(?:clone|fetch|remote-https?|fetch-pack|index-pack|rev-list)\b|git-remote-https?/.test(
    command,
  );
}

function memoryMiB(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kib ?? 0) / 1024;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
