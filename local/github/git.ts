import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { CodyBatchError } from '../../core/errors.ts';
import { CLOSED_CONFIG, closedGitEnvironment } from '../../core/git-environment.ts';

/** A git process failed in a way that its caller did not expect. `stderr` is git's own account. */
export class GitFailedError extends CodyBatchError {
  override readonly name = 'GitFailedError';
  readonly stderr: string;

  constructor(message: string, stderr: string, cause?: unknown) {
    super(message, { cause });
    this.stderr = stderr;
  }
}

/** The environment of git on a repository of ours, which speaks to nobody unless a `protocol` is named. */
export function gitEnvironment(protocol = ''): Record<string, string> {
  return closedGitEnvironment({ ...CLOSED_CONFIG, 'receive.autogc': 'false' }, protocol);
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
