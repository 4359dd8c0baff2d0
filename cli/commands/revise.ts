import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { Began } from '../../core/repository-result.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { addRunOptions, budgetOf, type RunOptions } from '../jobs/budget-options.ts';
import { readPrompt } from '../jobs/read-prompt.ts';
import { repositories } from '../jobs/repository-count.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { runAgain } from '../jobs/run-again.ts';
import { rowsOfShape } from '../jobs/shapes.ts';

export const revise = addRunOptions(
  jobCommand('revise', {
    summary: 'continues the work by an instruction',
    description:
      'Gives the model an instruction about the changes of some repositories, as the next run of the job. Each goes on from its own change. A result that completed is only replaced by one that completes.',
    examples: [
      ['revise - --shape 3f2a -p "Keep the old name as an alias."', 'every change of a shape'],
      ['revise 8X2Q acme/api "acme/web-*" -p "Leave tests alone."', 'some repositories'],
      ['revise - --failed --gave-up --prompt-file hint.md', 'those that did not complete'],
    ],
  })
    .argument('<job>', 'the job')
    .argument('[repository...]', 'names or patterns with *')
    .addOption(new Option('-p, --prompt <text>', 'the instruction'))
    .addOption(new Option('--prompt-file <file>', 'the same from a file; - is standard input'))
    .addOption(
      new Option('--begin <how>', 'how the work begins, in place of the cheapest way').choices(Began.options),
    )
    .addOption(new Option('--shape <id>', 'changes of this shape'))
    .addOption(new Option('--changed', 'all that were changed'))
    .addOption(new Option('--gave-up', 'those in which the model gave up or ran out of a limit'))
    .addOption(new Option('--failed', 'those that failed by an error')),
);

type Options = RunOptions & {
  prompt?: string;
  promptFile?: string;
  begin?: Began;
  shape?: string;
  changed?: boolean;
  gaveUp?: boolean;
  failed?: boolean;
};

onJob<Options>(revise, async (connection, jobId, options, given: string[]) => {
  const { api } = connection;
  const instruction = await readPrompt(options);
  if (instruction === undefined) {
    throw new UsageError(
      'There is no instruction. Say what to do differently, by --prompt or --prompt-file.',
    );
  }
  const names = namesToRevise(await api.getRows(jobId), options, given);
  return runAgain(connection, await api.getJob(jobId), {
    what: `works on ${repositories(names.length)} by the instruction`,
    options,
    start: () =>
      api.reviseJob(jobId, { instruction, begin: options.begin, repositories: names, ...budgetOf(options) }),
  });
});

/** All that one of the options or arguments picks. Throws UsageError if there are none. */
function namesToRevise(rows: readonly SummaryRow[], options: Options, given: readonly string[]): string[] {
  const { shape, changed, gaveUp, failed } = options;
  const outcomes = [changed && 'changed', gaveUp && 'gaveUp', failed && 'failed'].filter((name) => name);
  const picked = [
    ...findNames(
      given,
      rows.map(({ repositoryName }) => repositoryName),
    ),
    ...(shape === undefined ? [] : rowsOfShape(rows, shape)).map((row) => row.repositoryName),
    ...rows.flatMap(({ repositoryName, outcome }) =>
      outcome && outcomes.includes(outcome) ? [repositoryName] : [],
    ),
  ];
  if (picked.length > 0) return [...new Set(picked)];
  throw new UsageError(
    outcomes.length > 0
      ? `No repository of this job is ${outcomes.join(' or ')}. \`cody-batch show\` has what each came to.`
      : 'No repository is picked. Name some, or use --shape, --changed, --gave-up or --failed.',
  );
}
