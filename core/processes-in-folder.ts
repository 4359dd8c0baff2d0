import { readdirSync, readFileSync } from 'node:fs';

/**
 * Ends at once every process that was started with its home or its temporary folder at or below `folder`, in whatever
 * group or session it is now. Linux only: elsewhere no environment but one's own can be read.
 */
export function killProcessesIn(folder: string): void {
  const isMark = (variable: string) =>
    ['HOME', 'TMPDIR', 'TEMP_DIR'].some(
      (name) => variable === `${name}=${folder}` || variable.startsWith(`${name}=${folder}/`),
    );
  const lives = (pid: number) => readProc(`${pid}/environ`)?.split('\0').some(isMark) === true;
  // Again until none is found: one of them may have started another meanwhile.
  for (let round = 0; round < 10; round++) {
    const found = processIds().filter((pid) => pid !== process.pid && lives(pid));
    if (found.length === 0) return;
    for (const pid of found) kill(pid);
  }
}

/** A file of /proc; undefined where there is none, or no such process, or it is another user's. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch {
    return undefined;
  }
}

/** None where there is no /proc. */
function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
