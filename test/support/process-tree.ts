import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc tells it. `start` tells it apart from a later one of the same pid. */
export type Process = { pid: number; parent: number; start: string; command: string };

/** Every process of this machine that has not ended; one that its parent has not collected yet has. Linux only. */
export function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/** Children, grandchildren and so on, whatever group or session they are in. */
export function descendantsOf(pid: number, all = processes()): Process[] {
  const children = all.filter(({ parent }) => parent === pid);
  return children.flatMap((child) => [child, ...descendantsOf(child.pid, all)]);
}

/** Those that still run. */
export function alive(known: readonly Process[]): Process[] {
  return known.filter(({ pid, start }) => readProcess(pid)?.start === start);
}

function readProcess(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(fields[1]), start: fields[19]!, command };
  } catch {
    return undefined;
  }
}
