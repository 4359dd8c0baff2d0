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

/** Counts up when what is on disk is laid out in another way. */
const LAYOUT_VERSION = 2;

/** A stack listens nowhere else, and whatever else a file named would be sent the user's prompts and code. */
const LoopbackUrl = z.url({ protocol: /^http$/, hostname: /^(?:127\.0\.0\.1|localhost|\[::1\])$/ });

/** What a command needs to know of a stack that is up. */
export const RunningStack = z.object({
  api: LoopbackUrl,
  /** The local GitHub's page; absent where the stack works on GitHub itself. */
  gitHub: LoopbackUrl.optional(),
  model: z.enum(['offline', 'claude']),
});
export type RunningStack = z.infer<typeof RunningStack>;

/** `stack.json`: how the data folder is laid out, who uses it, and where its endpoints are. */
const StackFile = z.object({
  layout: z.literal(LAYOUT_VERSION),
  /** Absent where nobody does. */
  pid: z.int().optional(),
  /** Tells that process from a later one of the same pid, as there may be once the machine was started again. */
  owner: ProcessIdentity.optional(),
  /** Absent while it starts, and where it is not for others. */
  stack: RunningStack.optional(),
});

/**
 * Takes a data folder for this process. Throws SettingsError, and touches nothing, where another process uses it,
 * another version laid it out, or it cannot be made.
 */
export async function takeDataFolder(
  folder: string,
): Promise<{ secret: string; announce(stack: RunningStack): void; release(): void }> {
  const file = path.join(folder, 'stack.json');
  refuseWhereInUse(folder);
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
  // Of several that found it free at once, the last to write has it.
  await sleep(SETTLE_MS);
  refuseWhereInUse(folder);
  const secret = ensureSecret(folder);
  return { secret, announce: (stack) => write({ pid, owner, stack }), release: () => write({}) };
}

/**
 * Private code, conversations and diffs are in it. Where others could enter it, as an earlier version left it, everything
 * in it is closed to them; later that need not be looked at again, as the folder itself keeps them out.
 */
function closeToOthers(folder: string): void {
  if (process.platform === 'win32' || (statSync(folder).mode & 0o077) === 0) return;
  execFileSync('chmod', ['-R', 'go=', '--', folder], { stdio: 'pipe' });
}

/** Far longer than what lies between finding a folder free and writing into it. */
const SETTLE_MS = 25;

function refuseWhereInUse(folder: string): void {
  const other = readStackFile(folder);
  if (!other || other.pid === process.pid || !isInUse(other)) return;
  throw new SettingsError(
    `The data folder ${folder} is in use by process ${other.pid}. Wait for that one, name another folder with --data, or keep a stack up by "serve", which commands share.`,
  );
}

/** The embedded database and git can be damaged by a write that does not fit; a first job takes about a tenth of this. */
const SPACE_MIB = 64;

function requireSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const freeMiB = Math.floor((bavail * bsize) / 1024 / 1024);
  if (freeMiB < SPACE_MIB) {
    throw new SettingsError(
      `The disk of the data folder ${folder} has ${freeMiB} MiB left, and a stack needs ${SPACE_MIB}. Free some, or name another folder with --data.`,
    );
  }
}

/** The stack that `serve` keeps up over this data folder, if one is, with the folder's secret. */
export function runningStack(folder: string): (RunningStack & { secret: string }) | undefined {
  const file = readStackFile(folder);
  // A process that does not say when it began may be any process.
  if (!file?.owner || !isInUse(file) || !file.stack) return undefined;
  const secret = readSecret(folder);
  if (secret) return { ...file.stack, secret };
  throw new SettingsError(
    `The stack over ${folder} is up at ${file.stack.api}, and ${secretFile(folder)} is gone. Start that one again, which makes another.`,
  );
}

/** Undefined where the folder is not one of ours yet. Throws SettingsError where it is another version's, or whose. */
function readStackFile(folder: string): z.infer<typeof StackFile> | undefined {
  const file = path.join(folder, 'stack.json');
  // A new one is closed to others when it is taken.
  if (!isEmpty(folder)) requireOwn(folder);
  requireOwn(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Whatever else is wrong with the folder shows when it is written.
    return undefined;
  }
  const found = parseJson(text);
  const { data } = StackFile.safeParse(found);
  if (data) return data;
  const { data: other } = z.object({ layout: z.int() }).safeParse(found);
  throw new SettingsError(
    other && other.layout !== LAYOUT_VERSION
      ? `The data folder ${folder} is laid out by version ${other.layout} of its layout; this Cody Batch has version ${LAYOUT_VERSION}. Name another folder with --data, or remove it.`
      : `${file} was not written by Cody Batch, or is damaged. Name another folder with --data, or remove that file.`,
  );
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    // Whatever else is wrong with the folder shows when it is written.
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
