import { availableParallelism } from 'node:os';
import { isAllowed } from '../core/allowed-repositories.ts';
import { UsageError } from '../core/errors.ts';
import type { Variables } from '../core/secrets.ts';
import { parseSettings } from '../core/settings.ts';
import { type RunningStack, runningStack } from '../local/data-folder.ts';
import { startStack } from '../local/stack.ts';
import { dataFolderOf } from './folders.ts';
import { wholeNumber } from './options.ts';
import { requireGit } from './require-git.ts';
import { hasClaudeKey } from './user-settings.ts';

/** A stack that a command works on. */
export type OpenStack = RunningStack & {
  secret: string;
  /** Whether it keeps running after this command, because `serve` started it. */
  lasts: boolean;
  /** Ends a stack that this command started, and leaves one of `serve` alone. */
  close(): Promise<void>;
};

/** For `run`: the stack that `serve` runs over the same data folder, or a new one for this job. */
export async function openStackForJob(
  options: { data?: string; model?: string; concurrency?: string },
  names: readonly string[],
  given: Variables,
): Promise<OpenStack> {
  const dataFolder = dataFolderOf(options.data);
  const gitHub = names.length > 0 ? 'remote' : 'local';
  if (gitHub === 'remote' && !given.GITHUB_TOKEN) {
    throw new UsageError(
      `${names[0]} is not a folder here, so it is a repository of GitHub. To clone it, set GITHUB_TOKEN.`,
    );
  }

  const running = runningStack(dataFolder);
  const model = running?.model ?? (hasClaudeKey(given) ? 'claude' : 'offline');
  if (model === 'offline' && options.model) {
    throw new UsageError(
      `--model ${options.model} needs ANTHROPIC_API_KEY or CLAUDE_API_KEY${running ? ' in the environment of `serve`. Set it and start `serve` again' : ''}.`,
    );
  }
  if (running) {
    if ((gitHub === 'local') !== (running.gitHub !== undefined)) {
      throw new UsageError(
        `The stack at ${running.api} works on ${running.gitHub ? 'work trees' : 'GitHub'} only. End it, or name another data folder with --data.`,
      );
    }
    return { ...running, lasts: true, close: async () => {} };
  }
  const stack = await startStack({
    dataFolder,
    given: gitHub === 'remote' ? { ...given, ALLOWED_REPOSITORIES: allowNamed(names, given) } : given,
    gitHub,
    model,
    maxRunning: options.concurrency
      ? wholeNumber('concurrency', options.concurrency)
      : availableParallelism(),
    shared: false,
  });
  return { ...stack, lasts: false };
}

/** For `pull-requests`: the stack that `serve` runs over the same data folder, or a new one. */
export async function openStackForPullRequests(
  options: { data?: string; github?: boolean },
  given: Variables,
): Promise<OpenStack> {
  const dataFolder = dataFolderOf(options.data);
  const running = runningStack(dataFolder);
  if (running) return { ...running, lasts: true, close: async () => {} };
  await requireGit();
  if (options.github && !given.GITHUB_TOKEN && !given.GITHUB_WRITE_TOKEN && !given.GITHUB_APP_ID) {
    throw new UsageError('--github needs GITHUB_TOKEN, GITHUB_WRITE_TOKEN or GITHUB_APP_ID.');
  }
  const stack = await startStack({
    dataFolder,
    given,
    gitHub: options.github ? 'remote' : 'local',
    model: hasClaudeKey(given) ? 'claude' : 'offline',
    maxRunning: availableParallelism(),
    shared: false,
  });
  return { ...stack, lasts: false };
}

/** Allows exactly the repositories that `--repo` named. Throws UsageError if the user's setting excludes one of them. */
function allowNamed(names: readonly string[], given: Variables): string {
  const { ALLOWED_REPOSITORIES } = parseSettings(given);
  const refused = names.filter((name) => !isAllowed(ALLOWED_REPOSITORIES, name));
  if (given.ALLOWED_REPOSITORIES && refused.length > 0) {
    throw new UsageError(
      `ALLOWED_REPOSITORIES is ${given.ALLOWED_REPOSITORIES}, which does not allow ${refused.join(', ')}. Add ${refused.length > 1 ? 'them' : 'it'} to the setting, or unset it for this command.`,
    );
  }
  return names.join(',');
}
