import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError } from '../../core/errors.ts';
import { identifyProcess, isRunning, ProcessIdentity, signalGroup } from './process-group.ts';

const OWNER_FILE = 'batch.json';

/**
 * The children that run now, on disk, one file each: a process that dies by kill -9 leaves its children behind, and
 * the next one ends them before it accepts anything.
 */
export class RunningChildren {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Takes the folder and ends what an earlier process left running: SIGTERM to each group, then SIGKILL after
   * `stopTimeoutSeconds`. Throws ConflictError when the folder's owner is alive, or when a child does not end.
   */
  static async open(folder: string, stopTimeoutSeconds: number): Promise<RunningChildren> {
    mkdirSync(folder, { recursive: true });
    const owner = readIdentity(path.join(folder, OWNER_FILE));
    if (owner && isRunning(owner)) {
      throw new ConflictError(
        `The folder ${folder} belongs to process ${owner.pid}, which runs. End that process, or use another data folder.`,
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

  /** Gives the folder back. */
  close(): void {
    rmSync(path.join(this.#folder, OWNER_FILE), { force: true });
  }

  #file(pid: number): string {
    return path.join(this.#folder, `${pid}.json`);
  }
}

/** Undefined for a file that is absent, or that its writer died over. */
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
      `Process ${child.pid}, left by an earlier run, survived SIGKILL. End it, then start again.`,
    );
  }
}

/** Another process's child gives no notice of its end, so this looks every 50 ms. */
async function waitForEnd(child: ProcessIdentity, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (isRunning(child) && performance.now() < deadline) await sleep(50);
}
