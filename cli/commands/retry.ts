import { Option } from 'commander';
import { positiveNumberOption, wholeNumberOption } from '../frame/command.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { repositories } from '../jobs/confirm-cost.ts';
import { confirmRun } from '../jobs/confirm-run.ts';
import { finishJob } from '../jobs/finish-job.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { print, tell } from '../terminal/print.ts';

export const retry = jobCommand('retry', {
  summary: 'runs again what failed or was cancelled',
  description:
    'Runs again what failed or was cancelled, as the next run of the job. Repositories that completed keep their results. Costs add up.',
  examples: [
    ['retry -', 'the last job'],
    ['retry - "acme/web-*" --max-turns 120', 'some of it, with more turns'],
    ['retry 8X2Q --detach --yes', 'does not ask, and does not wait for the end'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository...]', 'names or patterns with *; all that did not complete if none is given')
  .addOption(positiveNumberOption('--max-cost <usd>', 'the most that the whole job may cost, over all runs'))
  .addOption(positiveNumberOption('--max-repository-cost <usd>', 'the most that one repository may cost'))
  .addOption(wholeNumberOption('--max-turns <n>', 'the most answers of the model for one repository'))
  .addOption(new Option('--detach', 'does not wait for the end; on this machine only with `serve`'))
  .addOption(new Option('--json', 'prints one JSON document: the job with its repositories'))
  .addOption(new Option('-y, --yes', 'does not ask before money is spent'));

type Options = {
  json?: boolean;
  detach?: boolean;
  yes?: boolean;
  maxCost?: number;
  maxRepositoryCost?: number;
  maxTurns?: number;
};

onJob<Options>(retry, async (connection, jobId, options, given: string[]) => {
  const { json, detach, yes, maxCost, maxRepositoryCost, maxTurns } = options;
  const { api, stack } = connection;
  const job = await api.getJob(jobId);
  const known = given.length > 0 ? (await api.getRows(jobId)).map((row) => row.repositoryName) : [];
  const names = findNames(given, known);
  const again = names.length > 0 ? names.length : job.counts.failed + job.counts.cancelled;
  const isAgreed = await confirmRun(job, `works again on ${repositories(again)}`, yes ?? false);
  if (!isAgreed) {
    tell('Nothing was started.');
    return 2;
  }
  const settings = { maxTurns, maxCostUsd: maxRepositoryCost };
  const hasSettings = maxTurns !== undefined || maxRepositoryCost !== undefined;
  await api.retryJob(jobId, {
    ...(names.length > 0 && { repositories: names }),
    ...(hasSettings && { settings }),
    ...(maxCost !== undefined && { maxCostUsd: maxCost }),
  });
  if (detach && (!stack || stack.lasts)) {
    print(`${jobId}\n`);
    return 0;
  }
  return finishJob(connection, jobId, { json });
});
