import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { SettingsError } from '../core/errors.ts';
import { ensureSecret, readSecret, secretFile } from './access/secret.ts';
import { identifyProcess, isRunning, ProcessIdentity } from './batch/process-group.ts';
import { requireOwn } from './own-file.ts';

/** Incremented when the layout on disk changes. */
const LAYOUT_VERSION = 2;

/** Stacks listen on loopback only. Any other URL in the file would get the user's prompts and code. */
const LoopbackUrl = z.url({ protocol: /^http$/, hostname: /^(?:127\.0\.0\.1|localhost|\[::1\])$/ });

/** A running stack as other commands find it. */
export const RunningStack = z.object({
  api: LoopbackUrl,
  /** The local GitHub's page. Absent if the stack works on GitHub. */
  gitHub: LoopbackUrl.optional(),
  model: z.enum(['offline', 'claude']),
});
export type RunningStack = z.infer<typeof RunningStack>;

/** `stack.json`: the layout of the data folder, the process that uses it, and its endpoints. */
const StackFile = z.object({
  layout: z.literal(LAYOUT_VERSION),
  /** The process that uses the folder. Absent if none does. */
  pid: z.int().optional(),
  /** Distinguishes that process from a later one with the same pid, such as after a restart of the machine. */
  owner: ProcessIdentity.optional(),
  /** Absent while the stack starts, and if other commands may not use it. */
  stack: RunningStack.optional(),
});

/**
 * Takes a data folder for this process. Throws SettingsError, and changes nothing, if another process uses it, if it has
 * the layout of another version, or if it cannot be made.
 */
export async function takeDataFolder(
  folder: string,
): Promise<{ secret: string; announce(stack: RunningStack): void; release(): void }> {
  const file = path.join(folder, 'stack.json');
  refuseIfInUse(folder);
  const { pid } = process;
  const temporary = `${file}.${pid}.tmp`;
  const write = (use: Omit<z.infer<typeof StackFile>, 'layout'>) => {
    writeFileSync(temporary, `${JSON.stringify({ layout: LAYOUT_VERSION, ...use })}\n`, { mode: 0o600 });
    renameSync(temporary, file);
  };
  const owner = identifyProcess(pid, performance.timeOrigin);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeToOthers(folder);
    requireSpace(folder);
    write({ pid, owner });
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new SettingsError(
      `The data folder ${folder} cannot be written: ${(error as Error).message}. Name another one with --data.`,
      { cause: error },
    );
  }
  // If several processes found it free at the same time, the last one to write has it.
  await sleep(SETTLE_MS);
  refuseIfInUse(folder);
  const secret = ensureSecret(folder);
  return { secret, announce: (stack) => write({ pid, owner, stack }), release: () => write({}) };
}

/**
 * Closes the folder to other users, because it has private code, conversations and diffs. If others could enter it, as an
 * earlier version left it, its whole content is closed too; otherwise the folder itself keeps them out.
 */
function closeToOthers(folder: string): void {
  if (process.platform === 'win32' || (statSync(folder).mode & 0o077) === 0) return;
  execFileSync('chmod', ['-R', 'go=', '--', folder], { stdio: 'pipe' });
}

/** Much longer than the time between finding a folder free and writing into it. */
const SETTLE_MS = 25;

function refuseIfInUse(folder: string): void {
  const other = readStackFile(folder);
  if (!other || other.pid === process.pid || !isInUse(other)) return;
  throw new SettingsError(
    `The data folder ${folder} is in use by process ${other.pid}. Wait until it has ended, or name another folder with --data. Commands share the stack that "serve" runs.`,
  );
}

/** A write to a full disk can damage the embedded database and git. A first job takes about a tenth of this. */
const MIN_FREE_MIB = 64;

function requireSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const freeMiB = Math.floor((bavail * bsize) / 1024 / 1024);
  if (freeMiB < MIN_FREE_MIB) {
    throw new SettingsError(
      `The disk of the data folder ${folder} has ${freeMiB} MiB left, and a stack needs ${MIN_FREE_MIB}. Free some, or name another folder with --data.`,
    );
  }
}

/** Returns the stack that `serve` runs over this data folder, with the folder's secret, if there is one. */
export function runningStack(folder: string): (RunningStack & { secret: string }) | undefined {
  const file = readStackFile(folder);
  // Without the start of its process, the pid may be that of any process.
  if (!file?.owner || !isInUse(file) || !file.stack) return undefined;
  const secret = readSecret(folder);
  if (secret) return { ...file.stack, secret };
  throw new SettingsError(
    `The stack over ${folder} runs at ${file.stack.api}, but ${secretFile(folder)} is missing. Start that stack again; it makes a new secret.`,
  );
}

/** Returns the process that uses the data folder, if there is one. */
export function stackProcess(folder: string): number | undefined {
  const file = readStackFile(folder);
  return file?.owner && isInUse(file) ? file.pid : undefined;
}

/** Returns undefined if the folder is not a data folder yet. Throws SettingsError if it is another user's or version's. */
function readStackFile(folder: string): z.infer<typeof StackFile> | undefined {
  const file = path.join(folder, 'stack.json');
  // An empty folder is closed to other users when it is taken.
  if (!isEmpty(folder)) requireOwn(folder);
  requireOwn(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Other faults of the folder show when it is written.
    return undefined;
  }
  const found = parseJson(text);
  const { data } = StackFile.safeParse(found);
  if (data) return data;
  const { data: other } = z.object({ layout: z.int() }).safeParse(found);
  throw new SettingsError(
    other && other.layout !== LAYOUT_VERSION
      ? `The data folder ${folder} has version ${other.layout} of the layout; this Cody Batch has version ${LAYOUT_VERSION}. Name another folder with --data, or remove it.`
      : `${file} was not written by Cody Batch, or is damaged. Name another folder with --data, or remove that file.`,
  );
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    // Other faults of the folder show when it is written.
    return true;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isInUse({ pid, owner }: z.infer<typeof StackFile>): boolean {
  return pid !== undefined && isAlive(pid) && (!owner || isRunning(owner));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
