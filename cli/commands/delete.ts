import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { type ConnectOptions, withConnection } from '../connect/connection.ts';
import { onRun } from '../frame/command.ts';
import { jobCommand } from '../frame/job-command.ts';
import { settle } from '../jobs/deletion.ts';
import { findJobId } from '../jobs/job-reference.ts';
import { confirm } from '../terminal/ask.ts';
import { print, tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';

export const deleteJobs = jobCommand('delete', {
  summary: 'deletes jobs with their results',
  description: 'Deletes ended jobs with their results, patches and conversations. Pull requests stay.',
  examples: [['delete 8X2Q 9K1M --yes', 'two jobs, without a question']],
})
  .argument('<job...>', 'the jobs')
  .addOption(new Option('-y, --yes', 'does not ask'));

onRun<ConnectOptions & { yes?: boolean }>(deleteJobs, async (options, given: string[]) =>
  withConnection(options, async (connection) => {
    const ids: string[] = [];
    for (const one of given) ids.push(await findJobId(connection, one));
    if (!options.yes) {
      if (!isInteractive()) {
        throw new UsageError(
          'There is no terminal to ask. Add --yes to delete the jobs; nothing was deleted.',
        );
      }
      if (!(await confirm(`Delete ${ids.join(', ')} with all results?`))) {
        tell('Nothing was deleted.');
        return 2;
      }
    }
    for (const id of ids) {
      await connection.api.deleteJob(id);
      print(`${id} is deleted.\n`);
    }
    await settle(connection);
    return 0;
  }),
);
