import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { type ConnectOptions, withConnection } from '../connect/connection.ts';
import { describeCommand, onRun, wholeNumber } from '../frame/command.ts';
import { jobCommand } from '../frame/job-command.ts';
import { findJobId } from '../jobs/job-reference.ts';
import { confirm } from '../terminal/ask.ts';
import { print, printJson, tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';

export const admin = describeCommand('admin', {
  summary: 'administers an environment: drain, reset, back up, rotate',
  description:
    'Administers an environment. Each command needs the role admin, and leaves a line in the audit log: who, when, what, before and after.',
  examples: [
    ['admin drain --reason "new deployment"', 'no run starts; those under way go on'],
    ['admin reset 8X2Q --force', 'frees a job that hangs'],
    ['admin audit', 'what administrators did'],
  ],
});

type Given = ConnectOptions & { reason?: string; json?: boolean };

/** A subcommand that works on the environment. */
function part(name: string, summary: string) {
  return jobCommand(name, { summary, examples: [] }).addOption(
    new Option('--json', 'prints the answer of the API'),
  );
}

/** A subcommand that changes something, and so takes a reason for the audit log. */
function change(name: string, summary: string) {
  return part(name, summary).addOption(new Option('--reason <text>', 'why; it is in the audit log'));
}

/** Sends one request, and prints the answer, or a sentence if there is one. */
async function send(
  options: Given,
  request: (jobIdOf: (given: string) => Promise<string>) => Promise<{
    method: 'GET' | 'POST';
    path: string;
    body?: object;
    say?: (answer: never) => string;
  }>,
): Promise<void> {
  await withConnection(options, async (connection) => {
    const { method, path, body, say } = await request((given) => findJobId(connection, given));
    const answer = await connection.api.administer(method, path, body);
    if (say && !options.json) print(`${say(answer as never)}\n`);
    else printJson(answer);
  });
}

const reset = change('reset', 'frees a stuck job, so that it can be retried')
  .argument('<job>', 'the job')
  .addOption(new Option('--force', 'stops its execution if that still runs'));
onRun<Given & { force?: boolean }>(reset, (options, job: string) =>
  send(options, async (jobIdOf) => {
    const jobId = await jobIdOf(job);
    const { force, reason } = options;
    return {
      ...{ method: 'POST', path: `/admin/jobs/${jobId}/reset`, body: { force, reason } },
      say: ({ execution, after }: { execution: string; after: { status: string } }) =>
        `${jobId} is ${after.status}; its execution was ${execution}.`,
    };
  }),
);

const status = change('status', 'sets the status of a job in which nothing runs')
  .argument('<job>', 'the job')
  .argument('<status>', 'completed, failed or cancelled');
onRun<Given>(status, (options, job: string, wanted: string) =>
  send(options, async (jobIdOf) => {
    const { reason } = options;
    if (reason === undefined) throw new UsageError('--reason is missing; say why the status is overridden.');
    const jobId = await jobIdOf(job);
    return {
      ...{ method: 'POST', path: `/admin/jobs/${jobId}/status`, body: { status: wanted, reason } },
      say: ({ before, after }: { before: { status: string }; after: { status: string } }) =>
        `${jobId} was ${before.status}, and is ${after.status}.`,
    };
  }),
);

const concurrency = change('concurrency', 'sets how many repositories of a running job are worked on at once')
  .argument('<job>', 'the job')
  .argument('<n>', 'how many', (text: string) => wholeNumber('n', text));
onRun<Given>(concurrency, (options, job: string, maxConcurrency: number) =>
  send(options, async (jobIdOf) => {
    const jobId = await jobIdOf(job);
    const { reason } = options;
    return {
      ...{ method: 'POST', path: `/admin/jobs/${jobId}/concurrency`, body: { maxConcurrency, reason } },
      say: ({ before }: { before: { maxConcurrency: number } }) =>
        `${jobId} had ${before.maxConcurrency} at once, and has ${maxConcurrency}.`,
    };
  }),
);

const cleanup = change('cleanup', 'deletes ended jobs of an age, oldest first')
  .addOption(new Option('--older-than <days>', 'the age, such as 30d').default('30d'))
  .addOption(new Option('--limit <n>', 'the most jobs, up to 100').argParser((n) => wholeNumber('limit', n)))
  .addOption(new Option('--dry-run', 'lists what would be deleted'))
  .addOption(new Option('-y, --yes', 'does not ask'));
type CleanUp = Given & { olderThan: string; limit?: number; dryRun?: boolean; yes?: boolean };
onRun<CleanUp>(cleanup, async (options) => {
  const days = /^(\d+)d?$/.exec(options.olderThan)?.[1];
  if (days === undefined)
    throw new UsageError(`--older-than is ${JSON.stringify(options.olderThan)}; expected days, such as 30d.`);
  const { limit, dryRun, reason, yes } = options;
  if (!dryRun && !yes) {
    if (!isInteractive())
      throw new UsageError('There is no terminal to ask. Add --yes; nothing was deleted.');
    if (!(await confirm(`Delete the ended jobs older than ${days} days, with all results?`))) {
      tell('Nothing was deleted.');
      return 2;
    }
  }
  await send(options, async () => ({
    ...{ method: 'POST', path: '/admin/cleanup' },
    body: { olderThanDays: Number(days), limit, dryRun, reason },
    say: ({ jobs, hasMore }: { jobs: string[]; hasMore: boolean }) =>
      [
        ...jobs,
        `${jobs.length} jobs ${dryRun ? 'would be' : 'are'} deleted${hasMore ? '; there may be more' : ''}.`,
      ].join('\n'),
  }));
  return 0;
});

const backup = change('backup', 'starts a backup of both tables');
onRun<Given>(backup, (options) =>
  send(options, async () => ({
    ...{ method: 'POST', path: '/admin/backups', body: { reason: options.reason } },
    say: ({ after }: { after: { backups: { arn: string; status: string }[] } }) =>
      after.backups.map(({ arn, status: state }) => `${arn} ${state}`).join('\n'),
  })),
);

const restoreCheck = part('restore-check', 'says whether the tables can be restored, and to what times');
onRun<Given>(restoreCheck, (options) =>
  send(options, async () => ({ method: 'GET', path: '/admin/restore-check' })),
);

const rotate = change('rotate', 'stores a new value of a credential, which it reads from standard input')
  .argument('<name>', 'CLAUDE_API_KEY, GITHUB_TOKEN, GITHUB_WRITE_TOKEN or GITHUB_APP_PRIVATE_KEY')
  .addHelpText('after', '\nExamples:\n  cody-batch admin rotate GITHUB_TOKEN < token.txt');
onRun<Given>(rotate, async (options, name: string) => {
  // Not an argument: those of a process can be read by others on its machine.
  let value = '';
  for await (const chunk of process.stdin) value += chunk;
  if (value.trim() === '')
    throw new UsageError('Standard input is empty. Send the new value: admin rotate NAME < FILE.');
  await send(options, async () => ({
    ...{ method: 'POST', path: `/admin/credentials/${encodeURIComponent(name)}` },
    body: { value: value.trim(), reason: options.reason },
    say: () =>
      `${name} has a new value. Functions and workers take it within 5 minutes; then revoke the old.`,
  }));
});

const drain = change('drain', 'lets no run start; runs under way go on to their ends');
onRun<Given>(drain, (options) =>
  send(options, async () => ({
    ...{ method: 'POST', path: '/admin/drain', body: { reason: options.reason } },
    say: () => 'No run starts from now on. `cody-batch admin resume` ends this.',
  })),
);

const resume = change('resume', 'lets runs start again after a drain');
onRun<Given>(resume, (options) =>
  send(options, async () => ({
    ...{ method: 'POST', path: '/admin/resume', body: { reason: options.reason } },
    say: () => 'Runs may start again.',
  })),
);

const pacing = change('pacing', 'shows when the next pull request may be opened, or frees the slots')
  .argument('<job-or-repository>', 'a job, or owner/name for the credential that writes to it')
  .addOption(new Option('--clear', 'frees the slots that are reserved'));
onRun<Given & { clear?: boolean }>(pacing, (options, given: string) =>
  send(options, async (jobIdOf) => {
    const named = given.includes('/') ? { repository: given } : { jobId: await jobIdOf(given) };
    if (options.clear) {
      return {
        ...{ method: 'POST', path: '/admin/pacing/clear', body: { ...named, reason: options.reason } },
        say: ({ before }: { before: { nextSlotAt: string } }) =>
          `The slots are free; the next was at ${before.nextSlotAt}.`,
      };
    }
    return {
      ...{ method: 'GET', path: `/admin/pacing?${new URLSearchParams(Object.entries(named))}` },
      say: ({ nextSlotAt }: { nextSlotAt?: string }) =>
        nextSlotAt ? `The next slot is at ${nextSlotAt}.` : 'The next pull request may be opened at once.',
    };
  }),
);

type Line = { at: string; by?: string; action: string; subject: string; outcome: string; reason?: string };
const audit = part('audit', 'lists what administrators did, newest first').addOption(
  new Option('--limit <n>', 'how many, up to 100').default(20).argParser((n) => wholeNumber('limit', n)),
);
onRun<Given & { limit: number }>(audit, (options) =>
  send(options, async () => ({
    ...{ method: 'GET', path: `/admin/audit?limit=${options.limit}` },
    say: ({ lines }: { lines: Line[] }) =>
      lines
        .map(({ at, by = '—', action, subject, outcome, reason }) =>
          [at, by, action, subject, outcome, reason].filter(Boolean).join('  '),
        )
        .join('\n') || 'Nothing was administered yet.',
  })),
);

for (const command of [
  ...[drain, resume, reset, status, concurrency, cleanup],
  ...[backup, restoreCheck, rotate, pacing, audit],
])
  admin.addCommand(command);
