import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { repositories } from '../jobs/confirm-cost.ts';
import { confirmRun } from '../jobs/confirm-run.ts';
import { finishJob } from '../jobs/finish-job.ts';
import { print, tell } from '../terminal/print.ts';

export const continueJob = jobCommand('continue', {
  summary: 'runs what a job holds back behind its sample',
  examples: [
    ['continue -', 'the rest of the last job'],
    ['continue 8X2Q --redo --yes', 'and the sample again'],
  ],
})
  .argument('<job>', 'the job')
  .addOption(new Option('--redo', 'also works on the sample again'))
  .addOption(new Option('--prompt <text>', 'replaces the prompt for the rest'))
  .addOption(new Option('--detach', 'does not wait for the end; on this machine only with `serve`'))
  .addOption(new Option('--json', 'prints one JSON document: the job with its repositories'))
  .addOption(new Option('-y, --yes', 'does not ask before money is spent'));

type Options = { redo?: boolean; prompt?: string; detach?: boolean; json?: boolean; yes?: boolean };

onJob<Options>(continueJob, async (connection, jobId, { redo, prompt, detach, json, yes }) => {
  const { api, stack } = connection;
  const job = await api.getJob(jobId);
  if (!job.held) {
    throw new UsageError(
      `${jobId} holds no repositories back. \`cody-batch show ${jobId}\` has its results.`,
    );
  }
  const count = job.held + (redo ? job.counts.total : 0);
  if (!(await confirmRun(job, `works on ${repositories(count)}`, yes ?? false))) {
    tell('Nothing was started.');
    return 2;
  }
  await api.continueJob(jobId, { ...(redo && { redo: true }), ...(prompt && { prompt }) });
  if (detach && (!stack || stack.lasts)) {
    print(`${jobId}\n`);
    return 0;
  }
  return finishJob(connection, jobId, { json });
});
