import { constants } from 'node:os';
import { CodyBatchError, UsageError } from '../core/errors.ts';
import { GitError } from '../core/git-process.ts';
import { print, tell } from '../core/terminal.ts';
import { ApiUnreachableError } from './api-client.ts';
import { HELP } from './help.ts';

const COMMANDS: Record<string, () => Promise<(args: readonly string[]) => Promise<number>>> = {
  demo: async () => (await import('./commands/demo.ts')).demo,
  run: async () => (await import('./commands/run.ts')).run,
  'pull-requests': async () => (await import('./commands/pull-requests.ts')).pullRequests,
  serve: async () => (await import('./commands/serve.ts')).serve,
};

/** Runs the command line and returns the exit status. The product's own errors are printed as one line without a stack. */
export async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    print(HELP);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  // The data folder and the results of --out hold private code, so only this user may read them.
  process.umask(0o077);
  exitBySignals();
  exitByFaults();
  try {
    if (!command) {
      throw new UsageError(
        `There is no command ${JSON.stringify(name)}. The commands are ${Object.keys(COMMANDS).join(', ')}.`,
      );
    }
    return await (await command())(args);
  } catch (error) {
    tell(`cody-batch: ${describe(error)}`);
    if (error instanceof UsageError) tell('Run `cody-batch help` for all commands and options.');
    return error instanceof ApiUnreachableError ? 1 : 2;
  }
}

/** Exits on a signal that no command handles. The exit handlers then stop the workers. */
function exitBySignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}

/** Ends this process on an error outside of any awaited call, such as a full disk under the embedded database. */
function exitByFaults(): void {
  process.on('uncaughtException', (error) => {
    tell(`cody-batch: ${describe(error)}`);
    process.exit(2);
  });
}

function describe(error: unknown): string {
  if (error instanceof CodyBatchError || error instanceof GitError) return error.message;
  const { code, message, stack } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') {
    return `a port is in use (${message}). End the process that uses it, or choose another port with --port.`;
  }
  if (/ENOSPC|no space left on device/i.test(message)) {
    return `the disk is full (${message.split('\n')[0]}). Free some space and start again; running jobs continue.`;
  }
  return stack ?? String(error);
}
