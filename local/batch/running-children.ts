import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError } from '../../core/errors.ts';
import { identifyProcess, isRunning, ProcessIdentity, signalGroup } from './process-group.ts';

const OWNER_FILE = 'batch.json';

/**
 * Records the running children on disk, one file each. A process that dies by kill -9 leaves its children behind, and
 * the next process ends them before it listens.
 */
export class RunningChildren {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Takes the folder and ends the children that an earlier process left behind: SIGTERM to each group, then SIGKILL after
   * `stopTimeoutSeconds`. Throws ConflictError if the folder's owner is alive, or if a child does not end.
   */
  static async open(folder: string, stopTimeoutSeconds: number): Promise<RunningChildren> {
    mkdirSync(folder, { recursive: true });
    const owner = readIdentity(path.join(folder, OWNER_FILE));
    if (owner && isRunning(owner)) {
      throw new ConflictError(
        `The folder ${folder} is in use by process ${owner.pid}. End that process, or use another data folder.`,
      );
    }
    const files = readdirSync(folder);
    await Promise.all(files.map((file) => endOrphan(path.join(folder, file), stopTimeoutSeconds)));
    for (const file of files) rmSync(path.join(folder, file), { force: true });
    const self = identifyProcess(process.pid, performance.timeOrigin);
    writeFileSync(path.join(folder, OWNER_FILE), JSON.stringify(self));
    return new RunningChildren(folder);
  }

  add(pid: number): void {
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(this.#file(pid), JSON.stringify(identifyProcess(pid, Date.now())));
  }

  remove(pid: number): void {
    rmSync(this.#file(pid), { force: true });
  }

  /** Releases the folder. */
  close(): void {
    rmSync(path.join(this.#folder, OWNER_FILE), { force: true });
  }

  #file(pid: number): string {
    return path.join(this.#folder, `${pid}.json`);
  }
}

/** Returns undefined if the file is absent, or unfinished because its writer died. */
function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    return ProcessIdentity.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function endOrphan(file: string, stopTimeoutSeconds: number): Promise<void> {
  const child = readIdentity(file);
  if (!child || !isRunning(child)) return;
  signalGroup(child.pid, 'SIGTERM');
  await waitForEnd(child, stopTimeoutSeconds);
  signalGroup(child.pid, 'SIGKILL');
  await waitForEnd(child, stopTimeoutSeconds);
  if (isRunning(child)) {
    throw new ConflictError(
      `Process ${child.pid}, left behind by an earlier process, survived SIGKILL. End it, then start again.`,
    );
  }
}

/** Polls, because the end of another process's child emits no event. */
async function waitForEnd(child: ProcessIdentity, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (isRunning(child) && performance.now() < deadline) await sleep(50);
}
