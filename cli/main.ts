import { constants } from 'node:os';
import { CodyBatchError, UsageError } from '../core/errors.ts';
import { print, tell } from '../core/terminal.ts';
import { ApiUnreachableError } from './api-client.ts';
import { USAGE } from './usage.ts';

const COMMANDS: Record<string, () => Promise<(args: readonly string[]) => Promise<number>>> = {
  demo: async () => (await import('./commands/demo.ts')).demo,
  run: async () => (await import('./commands/run.ts')).run,
  'pull-requests': async () => (await import('./commands/pull-requests.ts')).pullRequests,
  serve: async () => (await import('./commands/serve.ts')).serve,
};

/** The command line. Returns the exit status; an error of ours is one line, without a stack. */
export async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    print(USAGE);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  // What commands write holds private code: it is for this user alone, in the data folder and by --out.
  process.umask(0o077);
  exitBySignals();
  exitByFaults();
  try {
    if (!command)
      throw new UsageError(
        `There is no command ${JSON.stringify(name)}; there are ${Object.keys(COMMANDS).join(', ')}.`,
      );
    return await (await command())(args);
  } catch (error) {
    tell(`cody-batch: ${describe(error)}`);
    if (error instanceof UsageError) tell('`cody-batch help` shows what can be said.');
    return error instanceof ApiUnreachableError ? 1 : 2;
  }
}

/** A signal that no command waits for ends this process by an exit, at which workers are told to stop. */
function exitBySignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}

/** What nobody waits for, such as the embedded database on a disk that has become full, ends this process as well. */
function exitByFaults(): void {
  process.on('uncaughtException', (error) => {
    tell(`cody-batch: ${describe(error)}`);
    process.exit(2);
  });
}

function describe(error: unknown): string {
  if (error instanceof CodyBatchError) return error.message;
  const { code, message, stack } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE')
    return `a port is in use (${message}). End what uses it, or choose another with --port.`;
  if (/ENOSPC|no space left on device/i.test(message))
    return `the disk is full (${message.split('\n')[0]}). Free some space and start again: what was running goes on.`;
  return stack ?? String(error);
}
