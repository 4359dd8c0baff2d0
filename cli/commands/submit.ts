import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { SETTINGS_OPTION, TARGET_OPTIONS, targetOf } from '../connect/target.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { addJobOptions } from '../jobs/job-options.ts';
import { print, printJson, tell } from '../terminal/print.ts';

export const submit: Command = addJobOptions(
  describeCommand('submit', {
    summary: 'starts a job and returns',
    description:
      'Starts a job and returns, without waiting for its end. The job runs on a deployment, or on the stack that `cody-batch serve` runs on this machine.',
    examples: [
      ['submit --context prod -r acme/api -p "…" --yes', 'prints the identifier of the job'],
      ['watch -', 'follows the job that was started last'],
    ],
  }),
)
  .addOption(new Option('--json', 'prints the job as JSON'))
  .addOption(new Option('-y, --yes', 'does not ask before money is spent'));
for (const option of [...TARGET_OPTIONS(), SETTINGS_OPTION()]) submit.addOption(option);

onRun<{ json?: boolean }>(submit, async ({ json }) => {
  const target = targetOf(submit.opts());
  if (target.kind === 'data') {
    const { runningStack } = await import('../../local/data-folder.ts');
    if (!runningStack(target.folder)) {
      throw new UsageError(
        `No stack runs over ${target.folder}, so there is nothing that would work on the job after this command. Start one with \`cody-batch serve\`, name a deployment with --api, or use \`cody-batch run\`, which waits.`,
      );
    }
  }
  const { startJob } = await import('../jobs/start-job.ts');
  const started = await startJob(submit);
  if (!started) {
    tell('Nothing was started.');
    return 2;
  }
  if (json) printJson(started.job);
  else print(`${started.job.jobId}\n`);
  await started.connection.close();
  return 0;
});
