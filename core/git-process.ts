import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** Characters of the standard error that are kept, from its end. */
const MAX_STDERR = 512 * 1024;

/** A git process did not do what its caller needed. */
export abstract class GitError extends Error {}

/** The git program could not be started. */
export class GitNotStartedError extends GitError {
  override readonly name = 'GitNotStartedError';

  constructor(cause: Error) {
    super(`git did not start (${cause.message}): put git 2.38 or newer on PATH.`, { cause });
  }
}

/** A git process ended with an exit code that its caller did not expect, or by a signal. */
export class GitFailedError extends GitError {
  override readonly name = 'GitFailedError';
  readonly command: string;
  readonly stderr: string;
  /** Null if a signal ended the process. */
  readonly exitCode: number | null;

  constructor(command: string, ended: { exitCode: number | null; signal?: string | null; stderr: string }) {
    const { exitCode, signal, stderr } = ended;
    const reason = stderr.trim().slice(-1000) || 'nothing on its standard error';
    super(`git ${command} ended with ${exitCode ?? signal}: ${reason}`);
    this.command = command;
    this.stderr = stderr;
    this.exitCode = exitCode;
  }
}

/** A git process was ended because it wrote more than it was allowed, took longer, or needed more memory. */
export class GitBoundExceededError extends GitError {
  override readonly name = 'GitBoundExceededError';
  /** The standard output up to the end of the process, possibly cut in the middle of a line. */
  readonly output: Buffer;

  constructor(message: string, output = Buffer.alloc(0)) {
    super(message);
    this.output = output;
  }
}

export type GitProcess = {
  /** @default the folder of this process */
  cwd?: string;
  /** The whole environment; nothing is inherited. */
  environment: Readonly<Record<string, string>>;
  /** The program and its first arguments, such as BOUNDED_GIT. @default `git` */
  program?: readonly [string, ...string[]];
  /** Standard input. @default empty */
  input?: string | Buffer;
  /** Exit codes that are an answer. @default [0] */
  exitCodes?: readonly number[];
  /** Of the standard output. @default unbounded */
  maxBytes?: number;
  /** @default unbounded */
  timeoutMs?: number;
  /** Receives the output piece by piece, which is then not returned; false ends the process. */
  read?: (chunk: Buffer) => boolean;
  /** Ends the process; the call then throws the signal's reason. */
  signal?: AbortSignal;
};

export type GitResult = { exitCode: number; stdout: Buffer; stderr: string };

/** Runs one git command. Throws a GitError, or the signal's reason. */
export async function runGit(args: readonly string[], options: GitProcess): Promise<GitResult> {
  const { cwd, environment, program = ['git'], input, exitCodes = [0], signal: stop } = options;
  const { maxBytes = Number.POSITIVE_INFINITY, timeoutMs, read } = options;
  stop?.throwIfAborted();
  const command = args.find((arg) => !arg.startsWith('-')) ?? '';
  const child = spawn(program[0], [...program.slice(1), ...args], { cwd, env: environment, stdio: 'pipe' });
  const end = () => child.kill();
  let exceeded: string | undefined;
  const exceed = (how: string) => {
    exceeded ??= how;
    end();
  };
  const timer = timeoutMs && setTimeout(() => exceed(`took more than ${timeoutMs / 1000} s`), timeoutMs);
  stop?.addEventListener('abort', end, { once: true });
  // A git that ends before it has read its input closes the pipe; its exit code has the reason.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) exceed(`wrote more than ${maxBytes} bytes`);
    else if (!read) chunks.push(chunk);
    else if (!exceeded && !read(chunk)) exceed('wrote more than its reader accepts');
  });
  const errors = boundedText(child.stderr);
  const closed = once(child, 'close').catch((cause: Error) => {
    throw new GitNotStartedError(cause);
  });
  try {
    const [exitCode, signal] = (await closed) as [number | null, NodeJS.Signals | null];
    stop?.throwIfAborted();
    const stdout = Buffer.concat(chunks);
    if (exceeded) throw new GitBoundExceededError(`git ${command} ${exceeded}`, stdout);
    const stderr = errors();
    if (exitCode === null || !exitCodes.includes(exitCode))
      throw new GitFailedError(command, { exitCode, signal, stderr });
    return { exitCode, stdout, stderr };
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener('abort', end);
  }
}

/** Keeps the end of a text, whose length a server decides. */
function boundedText(stream: Readable): () => string {
  let kept = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    kept += text;
    if (kept.length > 2 * MAX_STDERR) kept = kept.slice(-MAX_STDERR);
  });
  return () => kept;
}
