import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { descendantsOf, type Process, processes } from '../process-tree.ts';

/** What another process could see of a worker while it ran. */
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

/** What a process runs: its program and its arguments. */
type Image = { program: string; args: string };

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
    for (const child of children) {
      const environment = environmentOf(child, pid);
      if (environment !== undefined) seen.environments.add(environment);
    }
    for (const run of readdirSync(tempDir, { withFileTypes: true }))
      seen.gitConfigs.add(read(path.join(tempDir, run.name, 'private/git/config')));
    seen.workerMiB = Math.max(seen.workerMiB, memoryMiB(pid, 'VmHWM'));
    const gits = children.filter(({ command }) => /^(?:\S*\/)?git /.test(command));
    const now = [pid, ...gits.map((one) => one.pid)].reduce((sum, one) => sum + memoryMiB(one, 'VmRSS'), 0);
    seen.withGitMiB = Math.max(seen.withGitMiB, now);
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch {
      // The folder is not there yet, or has gone.
    }
  }, 15);
  return {
    stop: () => {
      clearInterval(timer);
      return seen;
    },
  };
}

/**
 * The environment of a descendant of the worker. Undefined where it is not a program's own: between fork and exec a child
 * has the worker's memory, and within exec none; and of git that speaks to the server, and what that git has started,
 * which are given the token. What runs in between is proved by what the process was before and after the read.
 */
function environmentOf(child: Process, worker: number): string | undefined {
  const before = imageOf(child.pid);
  const environment = read(`/proc/${child.pid}/environ`);
  const after = imageOf(child.pid);
  const own = imageOf(worker);
  if (!before || !after || !own || !same(before, after) || same(before, own)) return undefined;
  const first = startedByWorker(child.pid, worker);
  if (!first || same(first, own) || speaksToServer(first)) return undefined;
  return environment.replaceAll('\0', '\n');
}

/** The image of the ancestor that the worker itself has started; undefined where the line to it has been broken. */
function startedByWorker(pid: number, worker: number): Image | undefined {
  const parent = Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
  if (parent === worker) return imageOf(pid);
  return parent > 1 ? startedByWorker(parent, worker) : undefined;
}

function imageOf(pid: number): Image | undefined {
  try {
    const args = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    return args === '' ? undefined : { program: readlinkSync(`/proc/${pid}/exe`), args };
  } catch {
    return undefined;
  }
}

function same(one: Image, other: Image): boolean {
  return one.program === other.program && one.args === other.args;
}

/** Only what the worker itself starts counts: a command may call itself whatever it likes. */
function speaksToServer({ program, args }: Image): boolean {
  return path.basename(program) === 'git' && /^\S+ (?:-\S+ )*(?:clone|fetch|ls-remote)\b/.test(args);
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
