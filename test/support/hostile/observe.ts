import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { BOUNDED_TRANSFER } from '../../../core/git-environment.ts';
import { commandOf, descendantsOf, type Process } from '../process-tree.ts';

/** The parts of a running worker that another process can see. */
export type Observation = {
  /** Command lines of the worker and of everything that it started. */
  commandLines: Set<string>;
  /** Environments of everything that it started, except of git when it speaks to the server. */
  environments: Set<string>;
  /** The configurations of the clones. */
  gitConfigs: Set<string>;
  /** Peak memory of the worker, in MiB. */
  workerMiB: number;
  /** Peak memory of the worker and its git processes together, in MiB. */
  withGitMiB: number;
};

/** A process's program and arguments. */
type Image = { program: string; args: string };

/** Observes a process and its descendants every few milliseconds, until `stop` is called. */
export function observe(pid: number, tempDir: string): { stop(): Observation } {
  const seen: Observation = {
    commandLines: new Set(),
    environments: new Set(),
    gitConfigs: new Set(),
    workerMiB: 0,
    withGitMiB: 0,
  };
  const look = () => {
    const worker = commandOf(pid);
    // A child between fork and exec still has the worker's memory.
    const children = descendantsOf(pid).filter(({ command }) => command !== worker);
    if (worker) seen.commandLines.add(worker);
    for (const { command } of children) seen.commandLines.add(command);
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
  let timer: NodeJS.Timeout;
  const lookAgain = () => {
    const began = performance.now();
    try {
      look();
    } catch {
      // The folder does not exist yet, or was removed.
    }
    // On a busy machine a look takes longer, and is not to take the time of what it looks at.
    timer = setTimeout(lookAgain, Math.max(15, 5 * (performance.now() - began)));
  };
  lookAgain();
  return {
    stop: () => {
      clearTimeout(timer);
      return seen;
    },
  };
}

/**
 * Returns the environment of a descendant of the worker; undefined for git that speaks to the server, and for
 * its children, which get the token. Also undefined for a child that has not finished its exec, because it
 * still has the worker's memory or none: the program must be the same before and after the read.
 */
function environmentOf(child: Process, worker: number): string | undefined {
  const before = imageOf(child.pid);
  const environment = read(`/proc/${child.pid}/environ`);
  const after = imageOf(child.pid);
  const ofWorker = imageOf(worker);
  if (!before || !after || !ofWorker || !same(before, after) || same(before, ofWorker)) return undefined;
  const first = startedByWorker(child.pid, worker);
  if (!first || same(first, ofWorker) || speaksToServer(first)) return undefined;
  return environment.replaceAll('\0', '\n');
}

/** Returns the image of the worker's child above the process; undefined if one in between has ended. */
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

/**
 * Whether this is git with the token, or the shell that is about to exec it. Only for children of the worker,
 * because a command can choose any arguments.
 */
function speaksToServer({ program, args }: Image): boolean {
  if (args.startsWith(BOUNDED_TRANSFER.join(' '))) return true;
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
