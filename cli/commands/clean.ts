import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { isEnded, type JobRow } from '../../core/job.ts';
import { type ConnectOptions, withConnection } from '../connect/connection.ts';
import { onRun } from '../frame/command.ts';
import { jobCommand } from '../frame/job-command.ts';
import { ago } from '../jobs/ago.ts';
import { settle } from '../jobs/deletion.ts';
import { confirm } from '../terminal/ask.ts';
import { print, tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';

export const clean = jobCommand('clean', {
  summary: 'deletes ended jobs that are old',
  examples: [
    ['clean --older-than 7d --dry-run', 'what would be deleted'],
    ['clean --older-than 0d --yes', 'all jobs that have ended'],
  ],
})
  .addOption(
    new Option('--older-than <days>', 'the age from which a job is deleted, such as 30d').default('30d'),
  )
  .addOption(new Option('--dry-run', 'lists what would be deleted'))
  .addOption(new Option('-y, --yes', 'does not ask'));

const DAY_MS = 86_400_000;

onRun<ConnectOptions & { olderThan: string; dryRun?: boolean; yes?: boolean }>(clean, async (options) =>
  withConnection(options, async (connection) => {
    const days = /^(\d+)d?$/.exec(options.olderThan)?.[1];
    if (days === undefined) {
      throw new UsageError(
        `--older-than is ${JSON.stringify(options.olderThan)}; expected days, such as 30d.`,
      );
    }
    const before = Date.now() - Number(days) * DAY_MS;
    const old = (await allJobs(connection.api)).filter(
      ({ status, createdAt }) => isEnded(status) && Date.parse(createdAt) <= before,
    );
    for (const { jobId, name, createdAt } of old)
      print(`${jobId}  ${ago(createdAt)} old  ${name.slice(0, 60)}\n`);
    if (old.length === 0)
      tell(`No job that has ended is older than ${days} ${Number(days) === 1 ? 'day' : 'days'}.`);
    if (old.length === 0 || options.dryRun) return 0;
    if (!options.yes) {
      if (!isInteractive())
        throw new UsageError('There is no terminal to ask. Add --yes; nothing was deleted.');
      if (!(await confirm(`Delete these ${old.length} jobs with all results?`))) {
        tell('Nothing was deleted.');
        return 2;
      }
    }
    for (const { jobId } of old) await connection.api.deleteJob(jobId);
    await settle(connection);
    tell(`${old.length} jobs are deleted.`);
    return 0;
  }),
);

async function allJobs(api: {
  listJobs(query: Record<string, string | undefined>): Promise<{ jobs: JobRow[]; cursor?: string }>;
}) {
  const found: JobRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.listJobs({ limit: '100', cursor });
    found.push(...page.jobs);
    cursor = page.cursor;
  } while (cursor);
  return found;
}
