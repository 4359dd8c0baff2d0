import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { isAllowed } from '../../core/allowed-repositories.ts';
import { UsageError } from '../../core/errors.ts';
import type { Variables } from '../../core/secrets.ts';
import { parseSettings } from '../../core/settings.ts';
import { type RunningStack, runningStack } from '../../local/data-folder.ts';
import { requireGit } from '../trees/require-git.ts';
import { DEFAULT_GITHUB_PORT } from './ports.ts';
import { hasClaudeKey } from './user-settings.ts';

/** A stack on this machine that a command works on. */
export type OpenStack = RunningStack & {
  secret: string;
  dataFolder: string;
  /** Whether it keeps running after this command, because `serve` started it. */
  lasts: boolean;
  /** Ends a stack that this command started, and leaves one of `serve` alone. */
  close(): Promise<void>;
};

/** The options by which a job's stack is chosen. */
export type StackNeeds = {
  /** The model that the job names. */
  model?: string;
  concurrency?: number;
  /** Repositories of GitHub; none if the job works on work trees. */
  names: readonly string[];
};

/** Checks what can be checked before a stack starts. Returns the model that would do the work. */
export function modelFor(dataFolder: string, needs: StackNeeds, given: Variables): 'offline' | 'claude' {
  const { names, model: wanted } = needs;
  const needsGitHub = names.length > 0;
  if (needsGitHub && !given.GITHUB_TOKEN) {
    throw new UsageError(
      `${names[0]} is not a folder here, so it is a repository of GitHub. To clone it, set GITHUB_TOKEN.`,
    );
  }
  const running = runningStack(dataFolder);
  const model = running?.model ?? (hasClaudeKey(given) ? 'claude' : 'offline');
  if (model === 'offline' && wanted && wanted !== 'offline') {
    throw new UsageError(
      `--model ${wanted} needs ANTHROPIC_API_KEY or CLAUDE_API_KEY${running ? ' in the environment of `serve`. Set it and start `serve` again' : ''}.`,
    );
  }
  if (running && !needsGitHub !== (running.gitHub !== undefined)) {
    throw new UsageError(
      `The stack at ${running.api} works on ${running.gitHub ? 'work trees' : 'GitHub'} only. End it, or name another data folder with --data.`,
    );
  }
  return model;
}

/** For a job: the stack that `serve` runs over the same data folder, or a new one. */
export async function openStackForJob(
  dataFolder: string,
  needs: StackNeeds,
  given: Variables,
): Promise<OpenStack> {
  const model = modelFor(dataFolder, needs, given);
  const running = runningStack(dataFolder);
  if (running) return lasting(running, dataFolder);
  const { names, concurrency } = needs;
  const isRemote = names.length > 0;
  const { startStack } = await import('../../local/stack.ts');
  const stack = await startStack({
    dataFolder,
    // Addresses of pull requests are then those that `serve` has later.
    gitHubPort: DEFAULT_GITHUB_PORT,
    given: isRemote ? { ...given, ALLOWED_REPOSITORIES: allowNamed(names, given) } : given,
    gitHub: isRemote ? 'remote' : 'local',
    model,
    maxRunning: concurrency ?? availableParallelism(),
    shared: false,
  });
  return { ...stack, dataFolder, lasts: false };
}

/**
 * For a command on jobs: the stack that `serve` runs over the data folder, or a new one. Unless `resumes`, running jobs do
 * not go on: a command that only reads must not spend money. Throws UsageError if the folder has no data, unless `creates`.
 */
export async function openStackOnJobs(
  dataFolder: string,
  options: { isOnGitHub: boolean; resumes: boolean; creates?: boolean },
  given: () => Variables,
): Promise<OpenStack> {
  const running = runningStack(dataFolder);
  if (running) return lasting(running, dataFolder);
  if (!options.creates && !existsSync(path.join(dataFolder, 'dynamodb'))) {
    throw new UsageError(
      `The data folder ${dataFolder} has no jobs: nothing was run there yet. Start a job with \`cody-batch run\`, or name another folder with --data.`,
    );
  }
  await requireGit();
  const settings = given();
  const { GITHUB_TOKEN, GITHUB_WRITE_TOKEN, GITHUB_APP_ID } = settings;
  if (options.isOnGitHub && !GITHUB_TOKEN && !GITHUB_WRITE_TOKEN && !GITHUB_APP_ID) {
    throw new UsageError('--github needs GITHUB_TOKEN, GITHUB_WRITE_TOKEN or GITHUB_APP_ID.');
  }
  const { startStack } = await import('../../local/stack.ts');
  const stack = await startStack({
    dataFolder,
    gitHubPort: DEFAULT_GITHUB_PORT,
    given: settings,
    gitHub: options.isOnGitHub ? 'remote' : 'local',
    model: hasClaudeKey(settings) ? 'claude' : 'offline',
    maxRunning: availableParallelism(),
    shared: false,
    resumes: options.resumes,
  });
  return { ...stack, dataFolder, lasts: false };
}

function lasting(running: RunningStack & { secret: string }, dataFolder: string): OpenStack {
  return { ...running, dataFolder, lasts: true, close: async () => {} };
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
