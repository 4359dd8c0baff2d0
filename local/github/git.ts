import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { CodyBatchError } from '../../core/errors.ts';

/** A git process failed in a way that its caller did not expect. `stderr` is git's own account. */
export class GitFailedError extends CodyBatchError {
  override readonly name = 'GitFailedError';
  readonly stderr: string;

  constructor(message: string, stderr: string, cause?: unknown) {
    super(message, { cause });
    this.stderr = stderr;
  }
}

const SETTINGS: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  // Paths that would be `.git` on a case-folding disk are refused everywhere, since a clone may land on one.
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  // A detached garbage collection would outlive the server.
  'gc.auto': '0',
  'receive.autogc': 'false',
};

/** The whole environment of a git process: nothing of the user's configuration, and messages in one language. */
export function gitEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {
    // The one variable that is not ours to choose: it says where git is.
    PATH: process.env.PATH ?? '',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(Object.keys(SETTINGS).length),
  };
  for (const [index, [key, value]] of Object.entries(SETTINGS).entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return environment;
}

export type GitOptions = {
  /** What the process reads from its standard input; nothing by default. */
  input?: string | Buffer;
  environment?: Readonly<Record<string, string>>;
  /** Exit codes that are an answer and not a failure; `[0]` by default. */
  exitCodes?: readonly number[];
};

export type GitResult = { exitCode: number; stdout: Buffer; stderr: string };

/**
 * Runs one git command on the bare repository `gitFolder`, without a shell.
 * Throws GitFailedError when git cannot be started or ends with another code than those expected.
 */
export async function runGit(
  gitFolder: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const child = spawn('git', ['--git-dir', gitFolder, ...args], {
    env: { ...gitEnvironment(), ...options.environment },
    stdio: 'pipe',
  });
  // A git that ends before it has read its input closes the pipe; its exit code tells what happened.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);
  const [[exitCode, signal], stdout, stderr] = await Promise.all([
    once(child, 'close').catch((cause: Error) => {
      throw new GitFailedError(
        `git did not start (${cause.message}): put git 2.38 or newer on PATH`,
        '',
        cause,
      );
    }),
    buffer(child.stdout),
    text(child.stderr),
  ]);
  if (exitCode === null || !(options.exitCodes ?? [0]).includes(exitCode)) {
    const reason = stderr.trim().slice(0, 500) || `nothing on its standard error`;
    throw new GitFailedError(`git ${args[0]} ended with ${exitCode ?? signal}: ${reason}`, stderr);
  }
  return { exitCode, stdout, stderr };
}
