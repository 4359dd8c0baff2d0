import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc tells it. `start` tells it apart from a later one of the same pid. */
type Status = { pid: number; parent: number; start: string };
export type Process = Status & { command: string };

/** Every process of this machine that has not ended; one that its parent has not collected yet has. Linux only. */
export function processes(): Process[] {
  return statuses().flatMap((status) => withCommand(status) ?? []);
}

/**
 * Children, grandchildren and so on, whatever group or session they are in. Callers ask many times a second, so processes
 * that are not among them are read from /proc every ten seconds only: a process keeps its parent, and no pid comes back so soon.
 */
export function descendantsOf(pid: number): Process[] {
  const all = pids().flatMap((one) => recentStatus(one) ?? []);
  const below = (parent: number): Status[] =>
    all.filter((one) => one.parent === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid).flatMap((recent) => {
    const status = readStatus(recent.pid);
    if (status?.start !== recent.start) {
      known.delete(recent.pid);
      return [];
    }
    return withCommand(status) ?? [];
  });
}

const KNOWN_MS = 10_000;
const known = new Map<number, { status: Status | undefined; at: number }>();

/** The status as it was read within the last seconds, and then read again. */
function recentStatus(pid: number): Status | undefined {
  const now = performance.now();
  const before = known.get(pid);
  if (before && now - before.at < KNOWN_MS) return before.status;
  const status = readStatus(pid);
  known.set(pid, { status, at: now });
  return status;
}

export function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return undefined;
  }
}

/** Those that still run. */
export function alive(known: readonly Process[]): Process[] {
  return known.filter(({ pid, start }) => readStatus(pid)?.start === start);
}

function statuses(): Status[] {
  return pids().flatMap((pid) => readStatus(pid) ?? []);
}

function pids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function withCommand(status: Status): Process | undefined {
  const command = commandOf(status.pid);
  return command === undefined ? undefined : { ...status, command };
}

function readStatus(pid: number): Status | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    return { pid, parent: Number(fields[1]), start: fields[19]! };
  } catch {
    return undefined;
  }
}
