import { jobCommand, onJob } from '../frame/job-command.ts';
import { addRunOptions, budgetOf, MODEL_OPTION, type RunOptions } from '../jobs/budget-options.ts';
import { repositories } from '../jobs/repository-count.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { runAgain } from '../jobs/run-again.ts';

export const retry = addRunOptions(
  jobCommand('retry', {
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
    .addOption(MODEL_OPTION()),
);

onJob<RunOptions>(retry, async (connection, jobId, options, given: string[]) => {
  const { api } = connection;
  const job = await api.getJob(jobId);
  const known = given.length > 0 ? (await api.getRows(jobId)).map((row) => row.repositoryName) : [];
  const names = findNames(given, known);
  const again = names.length > 0 ? names.length : job.counts.failed + job.counts.cancelled;
  return runAgain(connection, job, {
    what: `works again on ${repositories(again)}`,
    options,
    start: () =>
      api.retryJob(jobId, { ...(names.length > 0 && { repositories: names }), ...budgetOf(options) }),
  });
});
