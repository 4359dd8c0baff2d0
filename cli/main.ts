import { constants } from 'node:os';
import { CommanderError } from 'commander';
import { CodyBatchError, UsageError } from '../core/errors.ts';
import { exitStatus, setStatus } from './frame/status.ts';
import { isCommand, programFor } from './program.ts';
import { tell } from './terminal/print.ts';
import { type InStream, type OutStream, streams } from './terminal/streams.ts';

/** Runs the command line and returns the exit status. The product's own errors are printed as one line without a stack. */
export async function main(
  args: readonly string[],
  given: { out?: OutStream; err?: OutStream; in?: InStream } = {},
): Promise<number> {
  Object.assign(streams, given);
  // The data folder and the results of --out hold private code, so only this user may read them.
  process.umask(0o077);
  exitBySignals();
  exitByFaults();
  setStatus(0);
  const name = args[0] === 'help' ? args[1] : args[0];
  try {
    if (name === 'complete') {
      const { complete } = await import('./complete.ts');
      await complete(args.slice(1));
      return 0;
    }
    const program = await programFor(name);
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    await program.parseAsync([...args], { from: 'user' });
    return exitStatus();
  } catch (error) {
    return reportError(error, name);
  }
}

function reportError(error: unknown, name: string | undefined): number {
  if (error instanceof CommanderError) {
    // It has printed the help or the version.
    if (error.exitCode === 0) return 0;
    tell(`cody-batch: ${sentenceOf(error.message)}`);
    hint(name);
    return 2;
  }
  if (error instanceof Error && error.name === 'NoAnswerError') {
    tell('Nothing was started.');
    return 130;
  }
  tell(`cody-batch: ${describe(error)}`);
  if (error instanceof UsageError) hint(name);
  return error instanceof Error && error.name === 'ApiUnreachableError' ? 1 : 2;
}

function hint(name: string | undefined): void {
  const command = name && isCommand(name) ? `${name} ` : '';
  tell(`\`cody-batch ${command}--help\` has all ${command ? 'options' : 'commands'}.`);
}

/** commander writes "error: unknown option '--fast'" and a suggestion on a line of its own. */
function sentenceOf(message: string): string {
  const [problem = '', suggestion = ''] = message.replace(/^error: /, '').split('\n');
  const sentence = `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`.replace(/\.\.$/, '.');
  return suggestion ? `${sentence} ${suggestion.replace(/^\((.*)\)$/, '$1')}` : sentence;
}

let isListening = false;

/** Exits on a signal that no command handles. The exit handlers then stop the workers. */
function exitBySignals(): void {
  if (isListening) return;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}

/** Ends this process on an error outside of any awaited call, such as a full disk under the embedded database. */
function exitByFaults(): void {
  if (isListening) return;
  isListening = true;
  // The reader of a pipe has seen enough, such as `head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(128 + constants.signals.SIGPIPE);
    throw error;
  });
  process.on('uncaughtException', (error) => {
    tell(`cody-batch: ${describe(error)}`);
    process.exit(2);
  });
}

function describe(error: unknown): string {
  if (error instanceof CodyBatchError) return error.message;
  const { name, code, message, stack } = error as NodeJS.ErrnoException & { port?: number };
  // By name: loading git's code for this would slow down every command.
  if (/^Git\w+Error$/.test(name)) return message;
  if (code === 'EADDRINUSE') {
    return `a port is in use (${message}). End the process that uses it, or choose another port with --port.`;
  }
  if (/ENOSPC|no space left on device/i.test(message)) {
    return `the disk is full (${message.split('\n')[0]}). Free some space and start again; running jobs continue.`;
  }
  return stack ?? String(error);
}
