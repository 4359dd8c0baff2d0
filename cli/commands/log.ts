import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { onlyName } from '../jobs/repository-reference.ts';
import { page } from '../terminal/pager.ts';

export const log = jobCommand('log', {
  summary: "shows the worker's log of a repository",
  examples: [['log - acme/api', 'what the worker did, step by step']],
})
  .argument('<job>', 'the job')
  .argument('[repository]', 'one of its repositories; not needed if it has one')
  .addOption(new Option('--no-pager', 'does not use a pager'));

onJob<{ pager: boolean }>(log, async ({ api }, jobId, { pager }, given?: string) => {
  const name = onlyName(given, await api.getRows(jobId));
  const found = await api.getLog(jobId, name);
  if (!found) throw new UsageError(`${name} has no log yet. \`cody-batch show\` says how far it is.`);
  await page(printable(found.toString('utf8')), pager);
});
