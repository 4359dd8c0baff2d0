import { type Command, Option } from 'commander';
import { collect, positiveNumberOption, wholeNumberOption } from '../frame/command.ts';

/** An option for a field of the body of `POST /jobs`. */
type FieldOption = { field: string; flags: string; description: string } & (
  | { kind: 'text' | 'number' | 'amount' | 'flag' | 'no' | 'list' }
  | { kind: 'choice'; choices: readonly string[] }
);

/** Every field of a job that an option sets, but for its prompt and its repositories. */
export const FIELD_OPTIONS: readonly FieldOption[] = [
  { field: 'name', flags: '--name <text>', description: 'a name for the job', kind: 'text' },
  {
    field: 'description',
    flags: '--description <text>',
    description: 'more about the job, for people',
    kind: 'text',
  },
  {
    field: 'type',
    flags: '--type <slug>',
    description: 'a label: code-pattern-update, vulnerability-fix, dependency-update or your own',
    kind: 'text',
  },
  { field: 'settings.model', flags: '--model <name>', description: 'the model (CLAUDE_MODEL)', kind: 'text' },
  {
    field: 'settings.image',
    flags: '--image <name>',
    description: 'the worker image, with the toolchain of the commands',
    kind: 'text',
  },
  {
    field: 'settings.effort',
    flags: '--effort <level>',
    description: "the model's effort",
    kind: 'choice',
    choices: ['low', 'medium', 'high', 'xhigh', 'max'],
  },
  {
    field: 'maxCostUsd',
    flags: '--max-cost <usd>',
    description: 'the most that the whole job may cost (50)',
    kind: 'amount',
  },
  {
    field: 'settings.maxCostUsd',
    flags: '--max-repository-cost <usd>',
    description: 'the most that one repository may cost (2)',
    kind: 'amount',
  },
  {
    field: 'settings.maxTurns',
    flags: '--max-turns <n>',
    description: 'the most answers of the model for one repository (60)',
    kind: 'number',
  },
  {
    field: 'settings.maxMinutes',
    flags: '--max-minutes <n>',
    description: 'the most minutes for one repository (45)',
    kind: 'amount',
  },
  {
    field: 'sample',
    flags: '--sample <n>',
    description: 'works on so many first, and on the rest after `cody-batch continue`',
    kind: 'number',
  },
  {
    field: 'maxConcurrency',
    flags: '--concurrency <n>',
    description: 'repositories at once (20; on this machine, as many as there are cores)',
    kind: 'number',
  },
  {
    field: 'maxRepositories',
    flags: '--max-repositories <n>',
    description: 'the most repositories that the patterns may come to',
    kind: 'number',
  },
  {
    field: 'settings.setup',
    flags: '--setup <command>',
    description: 'runs in the clone before the conversation; once for each',
    kind: 'list',
  },
  {
    field: 'settings.verify',
    flags: '--verify <command>',
    description: 'must exit 0 before a change counts; once for each',
    kind: 'list',
  },
  {
    field: 'settings.verifyBaseline',
    flags: '--no-verify-baseline',
    description: 'does not try the verify commands on the untouched base first',
    kind: 'no',
  },
  {
    field: 'settings.fetchTags',
    flags: '--fetch-tags',
    description: "brings the base branch's commits and tags for commands",
    kind: 'flag',
  },
  {
    field: 'settings.commandSecrets',
    flags: '--command-secret <name>',
    description: 'a secret that setup commands get; once for each',
    kind: 'list',
  },
  {
    field: 'settings.baseBranch',
    flags: '--base-branch <name>',
    description: "the branch to start from (the repository's default branch)",
    kind: 'text',
  },
  {
    field: 'settings.include',
    flags: '--include <glob>',
    description: 'files that may be changed; once for each (all)',
    kind: 'list',
  },
  {
    field: 'settings.exclude',
    flags: '--exclude <glob>',
    description: 'files that may not be changed; once for each',
    kind: 'list',
  },
  {
    field: 'settings.allowProtected',
    flags: '--allow-protected <glob>',
    description: 'protected files that may be changed; once for each',
    kind: 'list',
  },
  {
    field: 'settings.maxFiles',
    flags: '--max-files <n>',
    description: 'the most files that a change may touch (100)',
    kind: 'number',
  },
  {
    field: 'settings.maxPatchKiB',
    flags: '--max-patch-kib <n>',
    description: 'the largest patch, in KiB (1024)',
    kind: 'number',
  },
  { field: 'settings.shell', flags: '--shell', description: 'lets the model run any command', kind: 'flag' },
  {
    field: 'settings.judge.model',
    flags: '--judge-model <name>',
    description: 'a second model that judges each change',
    kind: 'text',
  },
  {
    field: 'settings.judge.instructions',
    flags: '--judge-instructions <text>',
    description: 'what the judge has to pay attention to',
    kind: 'text',
  },
  {
    field: 'review',
    flags: '--review <when>',
    description: 'required: waits until a person has approved or rejected each change',
    kind: 'choice',
    choices: ['required', 'optional'],
  },
  {
    field: 'createPullRequests',
    flags: '--create-pull-requests',
    description: 'opens pull requests',
    kind: 'flag',
  },
  {
    field: 'pullRequest.title',
    flags: '--title <text>',
    description: 'the title of the pull requests',
    kind: 'text',
  },
  {
    field: 'pullRequest.branch',
    flags: '--branch <name>',
    description: 'the branch of the pull requests (cody-batch/JOB_ID)',
    kind: 'text',
  },
  { field: 'pullRequest.draft', flags: '--draft', description: 'opens drafts', kind: 'flag' },
  {
    field: 'pullRequest.labels',
    flags: '--label <name>',
    description: 'a label of the pull requests; once for each',
    kind: 'list',
  },
  {
    field: 'pullRequest.reviewers',
    flags: '--reviewer <login>',
    description: 'a user, or a team as organization/team; once for each',
    kind: 'list',
  },
  {
    field: 'pullRequest.template',
    flags: '--no-template',
    description: "does not fill the repository's own template of pull requests",
    kind: 'no',
  },
  {
    field: 'pullRequest.codeowners',
    flags: '--codeowners',
    description: 'asks the owners of the changed files for a review',
    kind: 'flag',
  },
  {
    field: 'pullRequest.signOff',
    flags: '--sign-off',
    description: 'adds a Signed-off-by line to the commits',
    kind: 'flag',
  },
  {
    field: 'notify.url',
    flags: '--notify <url>',
    description: 'where notices of this job are sent',
    kind: 'text',
  },
  {
    field: 'notify.kinds',
    flags: '--notify-kind <kind>',
    description: 'a kind of notice to send; once for each (all)',
    kind: 'list',
  },
  {
    field: 'pullRequest.perHour',
    flags: '--per-hour <n>',
    description: 'the most pull requests of this job in an hour',
    kind: 'number',
  },
  {
    field: 'pullRequest.repair.rounds',
    flags: '--repair <rounds>',
    description: 'revises a pull request whose checks fail, at most so often (1 to 3)',
    kind: 'number',
  },
  {
    field: 'pullRequest.repair.reviews',
    flags: '--repair-reviews',
    description: 'with --repair, also follows comments of people who may write to the repository',
    kind: 'flag',
  },
];

/** The options that say what a job is, for `run` and `submit`. */
export function addJobOptions(command: Command): Command {
  command
    .optionsGroup('The job:')
    .addOption(
      new Option(
        '-f, --file <file>',
        'a job as YAML or JSON, as for POST /jobs; options win over it; - is standard input',
      ),
    )
    .addOption(
      new Option(
        '--set <field=value>',
        'sets a field of the job, such as settings.maxFiles=200; once for each',
      ).argParser(collect),
    )
    .addOption(
      new Option(
        '-r, --repo <repo>',
        'a work tree of yours, owner/name, owner/*, or a quoted pattern of folders; once for each, or separated by commas',
      ).argParser(collect),
    )
    .addOption(
      new Option('--repos-from <file>', 'reads repositories from a file, one a line; - is standard input'),
    )
    .addOption(
      new Option(
        '--search <text>',
        'those of the allowed repositories whose name contains this; once for each',
      ).argParser(collect),
    )
    .addOption(new Option('-p, --prompt <text>', 'the change to make, in words'))
    .addOption(new Option('--prompt-file <file>', 'reads the prompt from a file; - is standard input'));
  for (const option of FIELD_OPTIONS) command.addOption(optionOf(option).helpGroup(groupOf(option)));
  return command.optionsGroup('Options:');
}

function groupOf({ field, kind }: FieldOption): string {
  if (/pullRequest/i.test(field)) return 'Pull requests:';
  if (/judge|verify|setup|commandSecrets|fetchTags/i.test(field)) return 'Checks:';
  if (field === 'sample') return 'The job:';
  if (kind === 'number' || kind === 'amount') return 'Limits:';
  return field.startsWith('settings.') ? 'The work:' : 'The job:';
}

/** The values that the options of FIELD_OPTIONS have, by field. */
export function fieldsGiven(command: Command): Map<string, unknown> {
  const given = new Map<string, unknown>();
  for (const { field, flags } of FIELD_OPTIONS) {
    const name = new Option(flags).attributeName();
    if (command.getOptionValueSource(name) === 'cli') given.set(field, command.getOptionValue(name));
  }
  return given;
}

/** The option that sets a field, to name in messages; `settings.verify.0` is the first of a list. */
export function optionForField(field: string): string | undefined {
  if (field === 'prompt') return '--prompt';
  if (/^repositories\b/.test(field)) return '--repo';
  const found = FIELD_OPTIONS.find(
    (option) => field === option.field || field.startsWith(`${option.field}.`),
  );
  return found && `--${/--([\w-]+)/.exec(found.flags)![1]}`;
}

function optionOf(option: FieldOption): Option {
  const { flags, description, kind } = option;
  if (kind === 'number') return wholeNumberOption(flags, description);
  if (kind === 'amount') return positiveNumberOption(flags, description);
  if (kind === 'list') return new Option(flags, description).argParser(collect);
  if (kind === 'choice') return new Option(flags, description).choices(option.choices);
  return new Option(flags, description);
}
