import { Option } from 'commander';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { repositories } from '../jobs/confirm-cost.ts';
import { confirmRun } from '../jobs/confirm-run.ts';
import { finishJob } from '../jobs/finish-job.ts';
import { print, tell } from '../terminal/print.ts';

export const retry = jobCommand('retry', {
  summary: 'runs again what failed or was cancelled',
  description:
    'Runs again what failed or was cancelled, as the next run of the job. Repositories that completed keep their results. Costs add up.',
  examples: [
    ['retry -', 'the last job'],
    ['retry 8X2Q --detach --yes', 'does not ask, and does not wait for the end'],
  ],
})
  .argument('<job>', 'the job')
  .addOption(new Option('--detach', 'does not wait for the end; on this machine only with `serve`'))
  .addOption(new Option('--json', 'prints one JSON document: the job with its repositories'))
  .addOption(new Option('-y, --yes', 'does not ask before money is spent'));

onJob<{ json?: boolean; detach?: boolean; yes?: boolean }>(
  retry,
  async (connection, jobId, { json, detach, yes }) => {
    const { api, stack } = connection;
    const job = await api.getJob(jobId);
    const again = job.counts.failed + job.counts.cancelled;
    const isAgreed = await confirmRun(job, `works again on ${repositories(again)}`, yes ?? false);
    if (!isAgreed) {
      tell('Nothing was started.');
      return 2;
    }
    await api.retryJob(jobId);
    if (detach && (!stack || stack.lasts)) {
      print(`${jobId}\n`);
      return 0;
    }
    return finishJob(connection, jobId, { json });
  },
);
