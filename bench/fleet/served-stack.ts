import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { closeOnce } from '../ending.ts';

const CLI = fileURLToPath(new URL('../../bin/cody-batch.js', import.meta.url));

export type ServedStack = {
  pid: number;
  api: string;
  gitHub: string;
  /** For the AWS SDKs' clients. */
  endpoints: { states: string; batch: string };
  close(): Promise<void>;
};

/** Runs `cody-batch serve` as a separate process, on free ports, with this many workers at once. */
export async function serveStack(
  folder: string,
  workers: number,
  environment: Record<string, string>,
  options: readonly string[] = [],
): Promise<ServedStack> {
  const own = ['--settings', '/dev/null'];
  // Not in the project's folder, which may have a developer's `.env`.
  const args = [
    'serve',
    '--port',
    '0',
    '--data',
    folder,
    '--concurrency',
    String(workers),
    ...own,
    ...options,
  ];
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
    // This process passes Ctrl-C on, once and in order.
    detached: true,
  });
  const ended = once(child, 'exit');
  const close = closeOnce(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const text = await greeting(child);
  const value = (pattern: RegExp) => {
    const found = pattern.exec(text)?.[1];
    if (!found) throw new Error(`serve did not start: ${text}`);
    return found;
  };
  return {
    pid: child.pid!,
    api: value(/^API +(\S+)$/m),
    gitHub: value(/^GitHub +(.+)$/m),
    endpoints: {
      states: value(/AWS_ENDPOINT_URL_SFN=(\S+)/),
      batch: value(/AWS_ENDPOINT_URL_BATCH=(\S+)/),
    },
    close,
  };
}

async function greeting(child: ChildProcess): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line);
    if (line.startsWith('Ctrl-C ends')) break;
  }
  // Reads all output, because serve would block on a full pipe.
  child.stdout!.resume();
  return lines.join('\n');
}
