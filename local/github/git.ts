import { CLOSED_CONFIG, closedGitEnvironment } from '../../core/git-environment.ts';
import { type GitProcess, type GitResult, runGit } from '../../core/git-process.ts';

/** The environment of git on a repository of ours. It reaches no server unless a `protocol` is named. */
export function gitEnvironment(protocol = ''): Record<string, string> {
  return closedGitEnvironment({ ...CLOSED_CONFIG, 'receive.autogc': 'false' }, protocol);
}

export type GitOptions = Pick<GitProcess, 'input' | 'exitCodes'> & {
  /** Added to the closed environment. */
  environment?: Readonly<Record<string, string>>;
};

/** Runs one git command on the bare repository `gitFolder`. Throws GitFailedError for an unexpected exit code. */
export function runBareGit(
  gitFolder: string,
  args: readonly string[],
  { environment, ...options }: GitOptions = {},
): Promise<GitResult> {
  return runGit([`--git-dir=${gitFolder}`, ...args], {
    ...options,
    environment: { ...gitEnvironment(), ...environment },
  });
}
