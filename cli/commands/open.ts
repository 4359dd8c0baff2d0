import { Option } from 'commander';
import openInBrowser from 'open';
import { UsageError } from '../../core/errors.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { print } from '../terminal/print.ts';

export const open = jobCommand('open', {
  summary: 'opens a job or a pull request in the browser',
  description:
    'Opens the page of a job, or with a repository its pull request, in the browser. On this machine the addresses live while `cody-batch serve` runs.',
  examples: [
    ['open -', 'the page of the last job'],
    ['open - acme/api', 'the pull request of a repository'],
    ['open - --print', 'prints the address'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository]', 'opens the pull request of this repository')
  .addOption(new Option('--print', 'prints the address, and opens nothing'));

onJob<{ print?: boolean }>(open, async ({ api, stack }, jobId, options, repository?: string) => {
  if (stack && !stack.lasts) {
    throw new UsageError(
      `No stack runs over ${stack.dataFolder}, so there is no page. Start it with \`cody-batch serve --data ${stack.dataFolder}\` and open the job again.`,
    );
  }
  const url = repository === undefined ? `${api.url}/j/${jobId}` : await pullRequestUrl();
  if (options.print) print(`${url}\n`);
  else {
    print(`Opening ${url}\n`);
    await openInBrowser(url);
  }

  async function pullRequestUrl(): Promise<string> {
    const rows = await api.getRows(jobId);
    const [name] = findNames(
      [repository!],
      rows.map(({ repositoryName }) => repositoryName),
    );
    const { pullRequestUrl: found } = await api.getResult(jobId, name!);
    if (found) return found;
    throw new UsageError(`${name} has no pull request. \`cody-batch publish ${jobId} ${name}\` opens one.`);
  }
});
