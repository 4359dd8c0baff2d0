import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { addRunOptions, budgetOf, MODEL_OPTION, type RunOptions } from '../jobs/budget-options.ts';
import { readPrompt } from '../jobs/read-prompt.ts';
import { repositories } from '../jobs/repository-count.ts';
import { runAgain } from '../jobs/run-again.ts';

export const continueJob = addRunOptions(
  jobCommand('continue', {
    summary: 'runs what a job holds back behind its sample',
    examples: [
      ['continue -', 'the rest of the last job'],
      ['continue 8X2Q --redo --yes', 'and the sample again'],
      ['continue - --prompt "Leave tests alone." --max-turns 80', 'with another prompt and limit'],
    ],
  })
    .argument('<job>', 'the job')
    .addOption(MODEL_OPTION())
    .addOption(new Option('--redo', 'also works on the sample again'))
    .addOption(new Option('--prompt <text>', 'replaces the prompt for the rest'))
    .addOption(new Option('--prompt-file <file>', 'the same from a file; - is standard input')),
);

type Options = RunOptions & { redo?: boolean; prompt?: string; promptFile?: string };

onJob<Options>(continueJob, async (connection, jobId, options) => {
  const { api } = connection;
  const prompt = await readPrompt(options);
  const job = await api.getJob(jobId);
  if (!job.held) {
    throw new UsageError(
      `${jobId} holds no repositories back. \`cody-batch show ${jobId}\` has its results.`,
    );
  }
  const { redo } = options;
  return runAgain(connection, job, {
    what: `works on ${repositories(job.held + (redo ? job.counts.total : 0))}`,
    options,
    start: () =>
      api.continueJob(jobId, {
        ...(redo && { redo: true }),
        ...(prompt !== undefined && { prompt }),
        ...budgetOf(options),
      }),
  });
});
