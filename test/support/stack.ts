import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { workerCommand } from '../../worker/bundle.ts';
import { compileCache } from './compile-cache.ts';
import { firstLine } from './first-line.ts';
import { type Process, processes } from './process-tree.ts';
import { sharedStackBundle } from './stack-bundle.ts';
import type { TestStackOptions } from './start-stack.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { copyWorkerBundle } from './worker-bundle.ts';

export const CLI = fileURLToPath(new URL('../../bin/cody-batch.js', import.meta.url));
const START_STACK = fileURLToPath(new URL('./start-stack.ts', import.meta.url));
export const ROOT = path.dirname(path.dirname(CLI));

/** The variables of this machine that a command needs, without a developer's keys. */
export const PLAIN_ENVIRONMENT = {
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  ...compileCache(),
};

export type ServedStack = {
  api: string;
  gitHub: string;
  /** `AWS_ENDPOINT_URL_*` and so on, as a shell evaluates the lines that `serve` prints. */
  awsVariables: Record<string, string>;
  dataFolder: string;
  child: ChildProcess;
  /** The output of `serve`. */
  printed?: string;
  close(): Promise<void>;
};

/** `cody-batch serve` as a process, on free ports. */
export async function serveStack(
  options: { environment?: Record<string, string>; args?: string[]; dataFolder?: string } = {},
): Promise<ServedStack> {
  const own = options.dataFolder ? undefined : await temporaryFolder();
  const dataFolder = options.dataFolder ?? own!.path;
  const child = spawn(
    process.execPath,
    [CLI, 'serve', '--port', '0', '--data', dataFolder, ...(options.args ?? [])],
    {
      cwd: ROOT,
      env: { ...PLAIN_ENVIRONMENT, ...options.environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'exit');
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    printed.push(line);
    if (line.startsWith('Ctrl-C ends')) break;
  }
  const text = printed.join('\n');
  const api = /^API +(\S+)$/m.exec(text)?.[1];
  const gitHub = /^GitHub +(\S+)$/m.exec(text)?.[1];
  if (!api || !gitHub) throw new Error(`serve did not start: ${text}`);
  return {
    api,
    gitHub,
    dataFolder,
    child,
    printed: text,
    awsVariables: exported(text),
    close: async () => {
      child.kill('SIGINT');
      await ended;
      await own?.remove();
    },
  };
}

/** The variables that a shell has after the printed lines are pasted into it. */
export function exported(printed: string): Record<string, string> {
  const lines = printed.split('\n').filter((line) => /^ +export /.test(line));
  const environment = execFileSync('/bin/sh', ['-c', `${lines.join('\n')}\nexec env -0`], {
    env: { PATH: PLAIN_ENVIRONMENT.PATH },
    encoding: 'utf8',
  });
  const names = lines.map((line) => /export (\w+)=/.exec(line)![1]!);
  const all = environment.split('\0').map((entry) => /^([^=]*)=(.*)$/s.exec(entry)?.slice(1) ?? []);
  return Object.fromEntries(all.filter(([name]) => names.includes(name!)));
}

/**
 * For a stack that lives for seconds: optimized code and early collections of its heap cost it more than they give. A test of
 * whole jobs takes about 7 % less CPU time.
 */
const SHORT_LIVED = ['--no-turbofan', '--min-semi-space-size=16', '--initial-heap-size=200'];

/** Node.js's arguments for such a stack, without its options. `fromSource` if it needs what the bundle leaves out. */
export async function stackProgram({ fromSource = false } = {}): Promise<string[]> {
  return [...SHORT_LIVED, fromSource ? START_STACK : await sharedStackBundle()];
}

/**
 * Starts a stack as a separate process, with options that the command line does not have. It and its workers are bundles that
 * all test files share, while `serve` runs from source and makes a new bundle of the worker.
 */
export async function startStackProcess(
  options: Partial<Omit<TestStackOptions, 'dataFolder'>> = {},
  environment: Record<string, string> = {},
): Promise<ServedStack> {
  const own = await temporaryFolder();
  const given: TestStackOptions = {
    given: {},
    gitHub: 'local',
    model: 'offline',
    maxRunning: availableParallelism(),
    shared: false,
    ...(!options.workerCommand && { workerCommand: await bundledWorker(path.join(own.path, 'worker')) }),
    ...options,
    dataFolder: own.path,
  };
  const program = await stackProgram({ fromSource: given.assembled !== undefined });
  const child = spawn(process.execPath, [...program, JSON.stringify(given)], {
    cwd: ROOT,
    env: { ...PLAIN_ENVIRONMENT, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const line = await firstLine(child, 'The stack');
  return {
    ...JSON.parse(line),
    dataFolder: own.path,
    child,
    close: async () => {
      child.kill('SIGINT');
      await ended;
      await own.remove();
    },
  };
}

/** The command that Batch runs for a repository: the shared bundle, copied into the folder. */
export async function bundledWorker(folder: string): Promise<string[]> {
  return [...workerCommand(await copyWorkerBundle(folder)), ...WORKER_ARGUMENTS];
}

/** The workers of the stack over this data folder, including those that a dead stack left behind. */
export function workersOf(dataFolder: string): Process[] {
  const bundle = path.join(dataFolder, 'worker/worker.mjs');
  return processes().filter(({ command }) => command.includes(` ${bundle} `));
}

export type Ended = { status: number | null; stdout: string; stderr: string };

/** Runs `cody-batch` with these arguments until it exits. */
export async function cody(
  args: readonly string[],
  environment: Record<string, string> = {},
  cwd = ROOT,
): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { ...PLAIN_ENVIRONMENT, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}
