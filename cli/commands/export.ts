import path from 'node:path';
import { Option } from 'commander';
import { invocationFolder, userPath } from '../connect/folders.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { repositories } from '../jobs/repository-count.ts';
import { prepareFolder, writeResults } from '../jobs/write-results.ts';
import { print } from '../terminal/print.ts';

export const exportJob = jobCommand('export', {
  summary: 'writes patches and conversations to a folder',
  description:
    'Writes the job (job.json), and the patch (diff.patch) and the conversation (thread.json, thread.md) of each repository, to a folder of that job. A folder with anything else in it is refused.',
  examples: [
    ['export -', 'to a folder with the name of the job, where you are'],
    ['export 8X2Q --out results', 'to a folder of your choice'],
  ],
})
  .argument('<job>', 'the job')
  .addOption(new Option('-o, --out <dir>', 'the folder (one with the name of the job)'));

onJob<{ out?: string }>(exportJob, async ({ api }, jobId, { out }) => {
  const folder = out === undefined ? path.join(invocationFolder(), jobId) : userPath(out);
  await prepareFolder(folder, '--out', jobId);
  const job = await api.getResults(jobId);
  await writeResults(api, job, folder);
  print(`${repositories(job.results.length)} of ${jobId} are in ${folder}.\n`);
});
