import { readdirSync, readFileSync } from 'node:fs';

/**
 * Kills every process that was started with its home or its temporary folder at or below `folder`, in any
 * process group or session. Linux only: other systems do not show the environment of other processes.
 */
export function killProcessesIn(folder: string): void {
  const isMark = (variable: string) =>
    ['HOME', 'TMPDIR', 'TEMP_DIR'].some(
      (name) => variable === `${name}=${folder}` || variable.startsWith(`${name}=${folder}/`),
    );
  const lives = (pid: number) => readProc(`${pid}/environ`)?.split('\0').some(isMark) === true;
  // Repeated until none is found, because a process may start another one before it is killed.
  for (let round = 0; round < 10; round++) {
    const found = processIds().filter((pid) => pid !== process.pid && lives(pid));
    if (found.length === 0) return;
    for (const pid of found) kill(pid);
  }
}

/** Returns undefined if the process does not exist or is another user's, or if there is no /proc. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch {
    return undefined;
  }
}

/** Returns an empty list if there is no /proc. */
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
    // It has already ended.
  }
}
