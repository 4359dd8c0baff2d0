import { Option } from 'commander';
import { type ConnectOptions, withConnection } from '../connect/connection.ts';
import { onRun } from '../frame/command.ts';
import { jobCommand } from '../frame/job-command.ts';
import { repositories } from '../jobs/repository-count.ts';
import { printJson, printStyled, tell } from '../terminal/print.ts';
import { table } from '../terminal/table.ts';

export const resolve = jobCommand('resolve', {
  summary: 'shows which repositories a job would take',
  description:
    'Shows which repositories a job with these entries would take, and why; what it would leave out, and why. Starts nothing. Exit status 1: not every entry could be read to its end.',
  examples: [
    ['resolve "acme/service-*" "!acme/service-old"', 'patterns and an exception'],
    ['resolve "topic:payments org:acme" --json', 'a search, for a script'],
    ['resolve "job:JOB_ID is:failed"', 'those that failed in an earlier job'],
  ],
})
  .argument(
    '<entry...>',
    'as in `repositories` of a job: names, patterns, exceptions, searches, earlier jobs',
  )
  .addOption(new Option('--json', 'prints one JSON document: the repositories with the reasons'));

type Options = ConnectOptions & { json?: boolean };
type Found = { repositoryName: string; because: string };

onRun<Options>(resolve, async (options, entries: string[]) =>
  withConnection(options, async ({ api }) => {
    const resolved = await api.resolveRepositories(entries);
    if (options.json) printJson(resolved);
    else {
      if (resolved.count > 0) printStyled(`${table(resolved.repositories, columns('by'))}\n`);
      if (resolved.leftOutCount > 0) printStyled(`\n${table(resolved.leftOut, columns('left out'))}\n`);
      tell(`A job would take ${repositories(resolved.count)}.`);
    }
    for (const { entry, because } of resolved.incomplete) tell(`${entry} is incomplete: ${because}.`);
    return resolved.incomplete.length > 0 ? 1 : 0;
  }),
);

function columns(why: string) {
  return [
    { heading: 'repository', cell: ({ repositoryName }: Found) => repositoryName },
    { heading: why, cell: ({ because }: Found) => because },
  ];
}
