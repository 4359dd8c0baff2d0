import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { streams, widthOf } from './terminal/streams.ts';
import { hasColours } from './terminal/style.ts';

type Entry = { group: string; summary: string; alias?: string; load: () => Promise<Command> };

const START = 'Start a job:';
const READ = 'Look at jobs:';
const DECIDE = 'Decide:';
const STEER = 'Steer:';
const PLACES = 'Places:';

/** The commands in the order of the help. A file is loaded only for its own command, so that each starts fast. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  run: entry(
    START,
    'starts a job and follows it to its end',
    async () => (await import('./commands/run.ts')).run,
  ),
  submit: entry(START, 'starts a job and returns', async () => (await import('./commands/submit.ts')).submit),
  demo: entry(
    START,
    'runs a whole job on this machine, without keys',
    async () => (await import('./commands/demo.ts')).demo,
  ),
  resolve: entry(
    START,
    'shows which repositories a job would take',
    async () => (await import('./commands/resolve.ts')).resolve,
  ),
  jobs: entry(READ, 'lists jobs', async () => (await import('./commands/jobs.ts')).jobs),
  show: entry(
    READ,
    'shows a job and its repositories',
    async () => (await import('./commands/show.ts')).show,
  ),
  watch: entry(READ, 'follows a job to its end', async () => (await import('./commands/watch.ts')).watch),
  diff: entry(READ, 'shows the changes of a job', async () => (await import('./commands/diff.ts')).diff),
  shapes: entry(
    READ,
    'groups the changes of a job that are equal',
    async () => (await import('./commands/shapes.ts')).shapes,
  ),
  runs: entry(READ, 'lists the runs of a job', async () => (await import('./commands/runs.ts')).runs),
  thread: entry(
    READ,
    'shows the conversation about a repository',
    async () => (await import('./commands/thread.ts')).thread,
  ),
  log: entry(
    READ,
    "shows the worker's log of a repository",
    async () => (await import('./commands/log.ts')).log,
  ),
  open: entry(
    READ,
    'opens a job or a pull request in the browser',
    async () => (await import('./commands/open.ts')).open,
  ),
  review: entry(
    DECIDE,
    'approves or rejects changes',
    async () => (await import('./commands/review.ts')).review,
  ),
  publish: entry(
    DECIDE,
    'opens pull requests of recorded changes',
    async () => (await import('./commands/publish.ts')).publish,
    'pull-requests',
  ),
  apply: entry(
    DECIDE,
    'puts changes on a branch of your own clone',
    async () => (await import('./commands/apply.ts')).apply,
  ),
  export: entry(
    DECIDE,
    'writes patches and conversations to a folder',
    async () => (await import('./commands/export.ts')).exportJob,
  ),
  patches: entry(
    DECIDE,
    'downloads the patches of a job as a ZIP archive',
    async () => (await import('./commands/patches.ts')).patches,
  ),
  revise: entry(
    STEER,
    'continues the work by an instruction',
    async () => (await import('./commands/revise.ts')).revise,
  ),
  continue: entry(
    STEER,
    'runs what a job holds back behind its sample',
    async () => (await import('./commands/continue.ts')).continueJob,
  ),
  cancel: entry(STEER, 'cancels a job', async () => (await import('./commands/cancel.ts')).cancel),
  retry: entry(
    STEER,
    'runs again what failed or was cancelled',
    async () => (await import('./commands/retry.ts')).retry,
  ),
  delete: entry(
    STEER,
    'deletes jobs with their results',
    async () => (await import('./commands/delete.ts')).deleteJobs,
  ),
  clean: entry(
    STEER,
    'deletes ended jobs that are old',
    async () => (await import('./commands/clean.ts')).clean,
  ),
  serve: entry(
    PLACES,
    'runs AWS, GitHub and the API on this machine',
    async () => (await import('./commands/serve.ts')).serve,
  ),
  login: entry(PLACES, 'signs in at a deployment', async () => (await import('./commands/login.ts')).login),
  logout: entry(
    PLACES,
    'forgets the token of a deployment',
    async () => (await import('./commands/logout.ts')).logout,
  ),
  context: entry(
    PLACES,
    'chooses between this machine and deployments',
    async () => (await import('./commands/context.ts')).context,
  ),
  doctor: entry(
    PLACES,
    'checks what commands need',
    async () => (await import('./commands/doctor.ts')).doctor,
  ),
  admin: entry(
    PLACES,
    'administers an environment: drain, reset, back up, rotate',
    async () => (await import('./commands/admin.ts')).admin,
  ),
  mcp: entry(
    PLACES,
    'lets other agents start and review jobs (MCP)',
    async () => (await import('./commands/mcp.ts')).mcp,
  ),
  completion: entry(
    PLACES,
    'prints a completion script for bash, zsh or fish',
    async () => (await import('./commands/completion.ts')).completion,
  ),
};

function entry(group: string, summary: string, load: Entry['load'], alias?: string): Entry {
  return { group, summary, load, ...(alias && { alias }) };
}

export function isCommand(name: string): boolean {
  return Object.entries(COMMANDS).some(([command, { alias }]) => name === command || name === alias);
}

/** The name of a command that may be given by its other name. */
export function commandNamed(name: string): string {
  return Object.keys(COMMANDS).find((command) => COMMANDS[command]!.alias === name) ?? name;
}

const DESCRIPTION = `Cody Batch: one prompt, many repositories.`;

const AFTER = `
A job is named by its identifier, by 4 or more characters of its start or end, or by - for the last one.
\`cody-batch COMMAND --help\` has the options and examples of a command.

Exit status: 0 all went well, 1 something of a job failed, 2 nothing was done, 130 Ctrl-C.`;

/** The whole command line, with the named command loaded. */
export async function programFor(name: string | undefined): Promise<Command> {
  const program = new Command('cody-batch')
    .description(DESCRIPTION)
    .version(packageJson.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'shows the help of a command')
    .addHelpText('after', AFTER)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.out.write(text),
      writeErr: (text) => void streams.err.write(text),
      // main.ts prints errors.
      outputError: () => {},
      getOutHelpWidth: () => widthOf(streams.out) ?? 80,
      getErrHelpWidth: () => widthOf(streams.err) ?? 80,
      getOutHasColors: () => hasColours(streams.out),
      getErrHasColors: () => hasColours(streams.err),
    });
  for (const [command, { group, summary, load, alias }] of Object.entries(COMMANDS)) {
    const isNamed = name !== undefined && (command === name || alias === name);
    const loaded = isNamed ? await load() : new Command(command).summary(summary);
    if (alias) loaded.alias(alias);
    loaded.copyInheritedSettings(program).helpGroup(group).exitOverride();
    program.addCommand(loaded);
  }
  return program;
}
