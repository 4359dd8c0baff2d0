import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { PullRequestOverrides } from '../../core/job.ts';
import { type AskedOperation, MergeMethod, PullRequestOperation } from '../../core/pull-request-operation.ts';
import { collect } from '../frame/command.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { followJob } from '../jobs/follow-job.ts';
import { keptNote } from '../jobs/kept-note.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { outcomeCell, resultTable } from '../jobs/result-table.ts';
import { rowsOfShape } from '../jobs/shapes.ts';
import { printJson, printStyled, tell } from '../terminal/print.ts';

export const publish = jobCommand('publish', {
  summary: 'opens pull requests of recorded changes',
  description:
    'Opens pull requests of the changes that a job has recorded, or does something else with those that are open, and follows that. The model is not asked. Exit status 1: one of them could not be opened.',
  examples: [
    ['publish -', 'all changes of the last job that have no pull request'],
    ['publish 8X2Q acme/api "acme/web-*" --draft', 'some, as drafts'],
    ['publish - --approved', 'only what a person has approved'],
    ['publish - --operation merge', 'merges the open pull requests whose checks pass'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository...]', 'names, patterns with *, or paths of work trees; all if none is given')
  .addOption(new Option('-r, --repo <repo>', 'the same as an argument; once for each').argParser(collect))
  .addOption(new Option('--shape <id>', 'only changes of this shape'))
  .addOption(new Option('--approved', 'only changes that a person has approved'))
  .addOption(new Option('--title <text>', 'the title, in place of what the job says'))
  .addOption(new Option('--body <text>', "the text, in place of the model's"))
  .addOption(new Option('--branch <name>', 'the branch'))
  .addOption(new Option('--draft', 'opens drafts'))
  .addOption(new Option('--label <name>', 'a label; once for each').argParser(collect))
  .addOption(
    new Option('--reviewer <login>', 'a user, or a team as organization/team; once for each').argParser(
      collect,
    ),
  )
  .addOption(
    new Option(
      '--operation <what>',
      'does something else with the open pull requests: merge merges what is green, autoMerge lets GitHub do it once it is',
    ).choices(PullRequestOperation.options),
  )
  .addOption(new Option('--comment <text>', 'the text of the operation comment, or the reason of close'))
  .addOption(
    new Option('--merge-method <how>', 'of merge and autoMerge (squash)').choices(MergeMethod.options),
  )
  .addOption(new Option('--detach', 'does not wait for the end; on this machine only with `serve`'))
  .addOption(new Option('--json', 'prints one JSON document: the job with its repositories'));

type Options = {
  repo?: string[];
  shape?: string;
  approved?: boolean;
  label?: string[];
  reviewer?: string[];
  detach?: boolean;
  json?: boolean;
} & AskedOperation &
  Pick<PullRequestOverrides, 'title' | 'body' | 'branch' | 'draft'>;

onJob<Options>(publish, async (connection, jobId, options, given: string[]) => {
  const { api, stack } = connection;
  const rows = await api.getRows(jobId);
  const known = rows.map(({ repositoryName }) => repositoryName);
  const named = [
    ...findNames(options.repo ?? [], known, '--repo'),
    ...findNames(given, known),
    ...(options.shape === undefined ? [] : rowsOfShape(rows, options.shape).map((row) => row.repositoryName)),
  ];
  const { title, body, branch, draft, label: labels, reviewer: reviewers } = options;
  const overrides = { title, body, branch, draft, labels, reviewers };
  const hasOverrides = Object.values(overrides).some((value) => value !== undefined);
  const { operation, comment, mergeMethod } = options;
  await api.openPullRequests(jobId, {
    ...(named.length > 0 && { repositories: [...new Set(named)] }),
    ...(hasOverrides && { pullRequest: overrides }),
    ...(options.approved && { approved: true as const }),
    ...{ operation, comment, mergeMethod },
  });
  if (options.detach) {
    if (stack && !stack.lasts)
      throw new UsageError('--detach needs a stack of `serve`, which continues the work.');
    return 0;
  }
  await followJob(connection, jobId);
  const job = await api.getResults(jobId);
  const asked = new Set(named);
  const results = job.results.filter(
    ({ repositoryName, pullRequest }) => pullRequest && (asked.size === 0 || asked.has(repositoryName)),
  );
  if (options.json) printJson(job);
  else if (results.length > 0) printStyled(`${resultTable(results)}\n`);
  const leftOut = job.results.filter((result) => asked.has(result.repositoryName) && !result.pullRequest);
  if (leftOut.length > 0) {
    const entries = leftOut.map((result) => `${result.repositoryName} (${outcomeCell(result)})`);
    tell(`Left out, because there is nothing to publish: ${entries.join(', ')}.`);
  }
  const url = results.find(({ pullRequestUrl }) => pullRequestUrl)?.pullRequestUrl;
  if (url && stack?.gitHub && !stack.lasts) tell(keptNote(url, stack.dataFolder));
  return results.some(({ pullRequest }) => pullRequest?.state === 'failed' || pullRequest?.error) ? 1 : 0;
});
