import { jobCommand, onJob } from '../frame/job-command.ts';
import { print } from '../terminal/print.ts';

export const cancel = jobCommand('cancel', {
  summary: 'cancels a job',
  description: 'Cancels a job. Repositories that have ended keep their results, and what was spent is spent.',
  examples: [['cancel -', 'the last job']],
}).argument('<job>', 'the job');

onJob(cancel, async (connection, jobId) => {
  const { api, stack } = connection;
  await api.cancelJob(jobId);
  // A stack of this command has to run until the workers have ended.
  if (stack && !stack.lasts) await (await import('../jobs/follow-job.ts')).followJob(connection, jobId);
  print(`${jobId} is cancelled.\n`);
});
