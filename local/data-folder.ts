import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { SettingsError } from '../core/errors.ts';

/** Counts up when what is on disk is laid out in another way. */
const LAYOUT_VERSION = 1;

/** What a command needs to know of a stack that is up. */
export const RunningStack = z.object({
  api: z.url(),
  /** The local GitHub's page; absent where the stack works on GitHub itself. */
  gitHub: z.url().optional(),
  model: z.enum(['offline', 'claude']),
});
export type RunningStack = z.infer<typeof RunningStack>;

/** `stack.json`: who uses the data folder, and where its endpoints are. */
const StackFile = z.object({
  layout: z.int(),
  pid: z.int(),
  /** Absent while it starts, and where it is not for others. */
  stack: RunningStack.optional(),
});

/**
 * Takes a data folder for this process. Throws SettingsError, and touches nothing, where another process uses it,
 * another version laid it out, or it cannot be made.
 */
export function takeDataFolder(folder: string): { announce(stack: RunningStack): void; release(): void } {
  const file = path.join(folder, 'stack.json');
  const other = readStackFile(folder);
  if (other && other.layout !== LAYOUT_VERSION) {
    throw new SettingsError(
      `The data folder ${folder} is laid out by version ${other.layout} of its layout; this Cody Batch has version ${LAYOUT_VERSION}. Name another folder with --data, or remove it.`,
    );
  }
  if (other && other.pid !== process.pid && isAlive(other.pid)) {
    throw new SettingsError(
      `The data folder ${folder} is in use by process ${other.pid}. Wait for that one, name another folder with --data, or keep a stack up by "serve", which commands share.`,
    );
  }
  const write = (stack?: RunningStack) => {
    writeFileSync(`${file}.tmp`, `${JSON.stringify({ layout: LAYOUT_VERSION, pid: process.pid, stack })}\n`);
    renameSync(`${file}.tmp`, file);
  };
  try {
    mkdirSync(folder, { recursive: true });
    write();
  } catch (error) {
    throw new SettingsError(
      `The data folder ${folder} cannot be written: ${(error as Error).message}. Name another one with --data.`,
      { cause: error },
    );
  }
  return { announce: write, release: () => rmSync(file, { force: true }) };
}

/** The stack that `serve` keeps up over this data folder, if one is. */
export function runningStack(folder: string): RunningStack | undefined {
  const file = readStackFile(folder);
  return file && isAlive(file.pid) ? file.stack : undefined;
}

function readStackFile(folder: string): z.infer<typeof StackFile> | undefined {
  try {
    return StackFile.parse(JSON.parse(readFileSync(path.join(folder, 'stack.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
