import { Option } from 'commander';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { finishJob } from '../jobs/finish-job.ts';

export const watch = jobCommand('watch', {
  summary: 'follows a job to its end',
  description:
    'Follows a job to its end, and prints its results. Ctrl-C ends this command and leaves the job alone. On this machine, if no `serve` runs, this command continues jobs that were interrupted.',
  examples: [
    ['watch -', 'the last job'],
    ['watch 8X2Q --json', 'waits for the end, and prints the job as JSON'],
  ],
})
  .argument('<job>', 'the job')
  .addOption(new Option('--json', 'prints one JSON document: the job with its repositories'));

onJob<{ json?: boolean }>(
  watch,
  async (connection, jobId, { json }) => finishJob(connection, jobId, { json, onInterrupt: 'leave' }),
  { resumes: true },
);
