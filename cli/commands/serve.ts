import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { UsageError } from '../../core/errors.ts';
import { print } from '../../core/terminal.ts';
import { secretFile } from '../../local/access/secret.ts';
import { startStack } from '../../local/stack.ts';
import { dataFolderOf, hasClaudeKey, userVariables } from '../invocation.ts';
import { requireGit } from '../require-git.ts';
import { parseOptions, wholeNumber } from '../usage.ts';

const OPTIONS = {
  port: { type: 'string' },
  concurrency: { type: 'string' },
  github: { type: 'boolean' },
  data: { type: 'string' },
  settings: { type: 'string' },
  'require-secret': { type: 'boolean' },
} as const;

/** The API's port where --port is silent, as the README says. */
const PORT = 3000;
const LAST_PORT = 65_535 - 5;

/** `cody-batch serve`: the stack, until Ctrl-C. Returns the exit status. */
export async function serve(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, OPTIONS);
  const given = userVariables(options.settings);
  await requireGit();
  if (options.github && !given.GITHUB_TOKEN) throw new UsageError('--github needs GITHUB_TOKEN.');
  const dataFolder = dataFolderOf(options.data);
  // Told before the start, so that Ctrl-C during it is not lost.
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
  // Never the secret itself: it would stay in the terminal's memory and in logs.
  const readBack = `"$(cat ${shellQuoted(secretFile(dataFolder))})"`;
  const lines = [
    `API     ${stack.api}`,
    `GitHub  ${stack.gitHub ?? 'github.com, by GITHUB_TOKEN'}`,
    `Model   ${stack.model === 'offline' ? 'the offline model: literal replacements only; set ANTHROPIC_API_KEY to use Claude' : 'Claude, by the key of the environment'}`,
    `Data    ${dataFolder}`,
    '',
    'The official AWS CLI and SDKs work on it with',
    ...Object.entries(stack.awsVariables).map(
      ([name, value]) => `  export ${name}=${value === stack.secret ? readBack : value}`,
    ),
    '',
    'Ctrl-C ends it; what is running goes on at the next start.',
  ];
  print(`${lines.join('\n')}\n`);
  await interrupted;
  await stack.close();
  return 0;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** 0 takes free ones. */
function portOf(given: string | undefined): number {
  if (given === undefined) return PORT;
  if (given === '0') return 0;
  const port = wholeNumber('port', given);
  if (port > LAST_PORT)
    throw new UsageError(
      `--port is ${port}; expected at most ${LAST_PORT}, as the five ports after it are used too.`,
    );
  return port;
}
