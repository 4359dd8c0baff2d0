import { Option } from 'commander';
import { printable } from '../../core/printable.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import type { JobWithResults } from '../connect/api-client.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { ago } from '../jobs/ago.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { costOf, outcomeCell } from '../jobs/result-table.ts';
import { printSummary } from '../jobs/summary.ts';
import { print, printJson, printStyled } from '../terminal/print.ts';
import { style, styleStatus } from '../terminal/style.ts';

export const show = jobCommand('show', {
  summary: 'shows a job and its repositories',
  examples: [
    ['show -', 'the last job'],
    ['show 8X2Q acme/api', 'everything about one repository of a job'],
    ['show - --failed', 'only what failed'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository]', 'one repository of it')
  .addOption(new Option('--failed', 'only repositories that failed'))
  .addOption(new Option('--json', 'prints one JSON document'));

onJob<{ json?: boolean; failed?: boolean }>(
  show,
  async ({ api }, jobId, { json, failed }, repository?: string) => {
    const job = await api.getResults(jobId);
    if (repository !== undefined) {
      const names = findNames(
        [repository],
        job.results.map(({ repositoryName }) => repositoryName),
      );
      for (const name of names) {
        const result = await api.getResult(jobId, name);
        if (json) printJson(result);
        else printRepository(result);
      }
      return;
    }
    const results = failed ? job.results.filter(({ status }) => status === 'failed') : job.results;
    if (json) printJson({ ...job, results });
    else {
      printHead(job);
      printSummary({ ...job, results });
    }
  },
);

function printHead(job: JobWithResults): void {
  const by = job.createdBy ? ` by ${job.createdBy}` : '';
  printStyled(`${style('bold', printable(job.name.split('\n')[0]!))}\n`);
  print(`started ${ago(job.createdAt)} ago${by}, run ${job.run}, ${job.settings.model}\n\n`);
}

/** The address, the state and the checks, or why there is no pull request. */
function pullRequestFact({ pullRequestUrl, pullRequest }: RepositoryResult): string | undefined {
  if (pullRequestUrl === undefined) return pullRequest?.error?.message;
  const { state, checks } = pullRequest ?? {};
  // The last state of the checks stays recorded, and matters no more.
  const ofChecks = state === 'open' && checks && `checks ${checks}`;
  return [pullRequestUrl, state, ofChecks].filter(Boolean).join(', ');
}

function printRepository(result: RepositoryResult): void {
  printStyled(`${style('bold', printable(result.repositoryName))}  ${styleStatus(outcomeCell(result))}\n`);
  const facts: [string, string | undefined][] = [
    ['end', result.end],
    ['base', result.baseSha && `${result.baseBranch} at ${result.baseSha.slice(0, 10)}`],
    ['turns', result.turns?.toString()],
    ['cost', costOf(result)],
    ['shape', result.shape],
    ['pull request', pullRequestFact(result)],
    ['error', result.error && `${result.error.name}: ${result.error.message}`],
  ];
  for (const [name, value] of facts) if (value) print(`${name.padEnd(13)} ${value}\n`);
  for (const { file, status, additions, deletions } of result.changes ?? []) {
    print(`  ${status.padEnd(9)} +${additions} −${deletions}  ${file}\n`);
  }
  for (const { command, exitCode } of result.verification ?? []) {
    print(`  ${exitCode === 0 ? 'passed' : `exited ${exitCode}`}: ${command}\n`);
  }
  for (const left of result.notDone ?? []) print(`  not done: ${left}\n`);
  if (result.summary) print(`\n${result.summary}\n`);
}
