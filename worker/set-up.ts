import { SetupFailedError } from '../core/errors.ts';
import type { JobSettings } from '../core/job.ts';
import { makeCommandRepository } from './checkout/command-repository.ts';
import { fetchTagHistory } from './checkout/tag-history.ts';
import type { Cloned } from './clone-into.ts';
import { describeCommand, runCommand } from './sandbox/command.ts';

/** Runs the commands of `settings.setup`. Throws SetupFailedError if one fails. */
export async function setUp(cloned: Cloned, commandSecrets: Record<string, string>): Promise<void> {
  const { job, workspace, signal, redactor, log } = cloned;
  if (hasCommands(job.settings)) await provideGit(cloned);
  for (const command of job.settings.setup) {
    const result = await runCommand(workspace, command, {
      // Only the repository's time limit applies.
      timeoutMs: job.settings.maxMinutes * 60_000,
      signal,
      redactor,
      secrets: commandSecrets,
    });
    if (result.exitCode !== 0)
      throw new SetupFailedError(
        `The setup command ${JSON.stringify(command)} failed; correct settings.setup. ${describeCommand(result)}`,
      );
    log.info('setup', { command, seconds: result.seconds });
  }
}

function hasCommands({ setup, verify, shell }: JobSettings): boolean {
  return setup.length > 0 || verify.length > 0 || shell;
}

/** Commands use git in a repository of their own, apart from the worker's. */
async function provideGit({ job, settings, workspace, clone, signal }: Cloned): Promise<void> {
  const history = job.settings.fetchTags
    ? await fetchTagHistory(workspace, clone, { githubApiUrl: settings.GITHUB_API_URL, signal })
    : undefined;
  await makeCommandRepository(workspace, clone, history);
}
