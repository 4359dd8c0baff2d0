import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { UsageError } from '../../core/errors.ts';
import { print } from '../../core/terminal.ts';
import { startStack } from '../../local/stack.ts';
import { describeStack } from '../describe-stack.ts';
import { dataFolderOf } from '../folders.ts';
import { parseOptions, wholeNumber } from '../options.ts';
import { requireGit } from '../require-git.ts';
import { hasClaudeKey, userVariables } from '../user-settings.ts';

const OPTIONS = {
  port: { type: 'string' },
  concurrency: { type: 'string' },
  github: { type: 'boolean' },
  data: { type: 'string' },
  settings: { type: 'string' },
  'require-secret': { type: 'boolean' },
} as const;

const DEFAULT_PORT = 3000;
/** The stack uses the five ports after the API's too. */
const MAX_PORT = 65_535 - 5;

/** `cody-batch serve`: runs the stack until Ctrl-C. Returns the exit status. */
export async function serve(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, OPTIONS);
  const given = userVariables(options.settings);
  await requireGit();
  if (options.github && !given.GITHUB_TOKEN) throw new UsageError('--github needs GITHUB_TOKEN.');
  const dataFolder = dataFolderOf(options.data);
  // Before the start, so that Ctrl-C during it is not lost.
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const stack = await startStack({
    dataFolder,
    port: portOf(options.port),
    given,
    gitHub: options.github ? 'remote' : 'local',
    model: hasClaudeKey(given) ? 'claude' : 'offline',
    maxRunning: options.concurrency
      ? wholeNumber('concurrency', options.concurrency)
      : availableParallelism(),
    shared: true,
    requireSecret: options['require-secret'] ?? false,
  });
  print(describeStack(stack, dataFolder));
  await interrupted;
  await stack.close();
  return 0;
}

/** 0 stands for free ports. */
function portOf(given: string | undefined): number {
  if (given === undefined) return DEFAULT_PORT;
  if (given === '0') return 0;
  const port = wholeNumber('port', given);
  if (port > MAX_PORT) {
    throw new UsageError(
      `--port is ${port}; expected at most ${MAX_PORT}, because the five ports after it are used too.`,
    );
  }
  return port;
}
