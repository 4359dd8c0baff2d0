import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { hasPage, PAGE_FOLDER } from '../../local/page.ts';
import { LOCAL_TRACKING_SECONDS } from '../../local/schedules.ts';
import { dataFolderOf } from '../connect/folders.ts';
import { DEFAULT_PORT } from '../connect/ports.ts';
import { SETTINGS_OPTION } from '../connect/target.ts';
import { describeStack } from '../describe-stack.ts';
import { collect, describeCommand, onRun, wholeNumber, wholeNumberOption } from '../frame/command.ts';
import { print, tell } from '../terminal/print.ts';
import { requireGit } from '../trees/require-git.ts';

/** The stack uses the six ports after the API's too. */
const MAX_PORT = 65_535 - 6;

export const serve = describeCommand('serve', {
  summary: 'runs AWS, GitHub and the API on this machine',
  description:
    'Runs Step Functions, Batch, DynamoDB, GitHub, the model and the HTTP API on this machine, until Ctrl-C. Other commands over the same data folder use it while it runs.',
  examples: [
    ['serve', 'the API on http://127.0.0.1:3000'],
    ['serve --repo /src/zod --verbose', 'with a work tree as local/zod, and a line for each request'],
    ['serve --stop', 'ends the one that runs'],
  ],
})
  .addOption(
    new Option(
      '--port <n>',
      `the API's port (${DEFAULT_PORT}); the six ports after it are used too; 0 for free ones`,
    ).argParser(portOf),
  )
  .addOption(wholeNumberOption('--concurrency <n>', 'workers at once (as many as there are cores)'))
  .addOption(
    new Option(
      '-r, --repo <path>',
      'registers a work tree, or a quoted pattern of them; once for each',
    ).argParser(collect),
  )
  .addOption(
    new Option('--github', 'works on GitHub (GITHUB_TOKEN, ALLOWED_REPOSITORIES) instead of the local one'),
  )
  .addOption(new Option('--require-secret', "requires the data folder's secret of your own processes too"))
  .addOption(new Option('--verbose', 'prints a line for each request to the API'))
  .addOption(new Option('--stop', 'ends the `serve` that runs over the data folder'))
  .addOption(new Option('--data <dir>', 'where everything is kept'))
  .addOption(SETTINGS_OPTION());

type Options = {
  port?: number;
  concurrency?: number;
  repo?: string[];
  github?: boolean;
  requireSecret?: boolean;
  verbose?: boolean;
  stop?: boolean;
  data?: string;
  settings?: string;
};

onRun<Options>(serve, async (options) => {
  const dataFolder = dataFolderOf(options.data);
  if (options.stop) return (await import('../stop-serve.ts')).stopServe(dataFolder);
  const { hasClaudeKey, userVariables } = await import('../connect/user-settings.ts');
  const given = userVariables(options.settings);
  await requireGit();
  if (options.github && !given.GITHUB_TOKEN) throw new UsageError('--github needs GITHUB_TOKEN.');
  if (options.github && options.repo) {
    throw new UsageError(
      '--repo registers work trees with the local GitHub, and --github works on GitHub itself. Leave one of them out.',
    );
  }
  const { findRepositories, namedRepositories, registerAndReport } = await import('../trees/repositories.ts');
  const trees = options.repo
    ? (await findRepositories(await namedRepositories({ repo: options.repo }))).trees
    : [];
  tell('Starting …');
  // Before the start, so that Ctrl-C during it is not lost.
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const page = hasPage() ? PAGE_FOLDER : undefined;
  const { startStack } = await import('../../local/stack.ts');
  const stack = await startStack({
    dataFolder,
    port: options.port ?? DEFAULT_PORT,
    given,
    gitHub: options.github ? 'remote' : 'local',
    model: hasClaudeKey(given) ? 'claude' : 'offline',
    maxRunning: options.concurrency ?? availableParallelism(),
    shared: true,
    requireSecret: options.requireSecret ?? false,
    page,
    ...(!options.github && { trackingSeconds: LOCAL_TRACKING_SECONDS }),
    ...(options.verbose && { onRequest: tell }),
  });
  if (stack.gitHub) await registerAndReport(trees, stack.gitHub, stack.secret);
  print(describeStack(stack, dataFolder, page !== undefined));
  await interrupted;
  tell('Ending …');
  await stack.close();
  tell('The stack has ended; running jobs continue at the next start.');
});

/** 0 stands for free ports. */
function portOf(given: string): number {
  if (given === '0') return 0;
  const port = wholeNumber('port', given);
  if (port > MAX_PORT) {
    throw new UsageError(
      `--port is ${port}; expected at most ${MAX_PORT}, because the six ports after it are used too.`,
    );
  }
  return port;
}
