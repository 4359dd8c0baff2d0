import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { digestOfChanges } from '../../core/review.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { Connection } from '../connect/connection.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { patchText } from '../jobs/patch.ts';
import { repositories } from '../jobs/repository-count.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { findShape, type Shape, shapesOf } from '../jobs/shapes.ts';
import { ask } from '../terminal/ask.ts';
import { print, printStyled, tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';
import { style } from '../terminal/style.ts';

export const review = jobCommand('review', {
  summary: 'approves or rejects changes',
  description:
    'Approves or rejects the changes of a job. Without --approve or --reject it shows one example of each undecided shape, and asks. An approval covers exactly the changes that were shown; it starts nothing.',
  examples: [
    ['review -', 'goes through the undecided shapes'],
    ['review - --approve --shape 3f2a', 'all changes of a shape'],
    ['review - --reject acme/api --note "breaks the build"', 'one repository'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository...]', 'names or patterns with *')
  .addOption(new Option('--approve', 'approves').conflicts(['reject', 'undecide']))
  .addOption(new Option('--reject', 'rejects').conflicts('undecide'))
  .addOption(new Option('--undecide', 'takes a decision back'))
  .addOption(new Option('--shape <id>', 'all changes of this shape'))
  .addOption(new Option('--note <text>', 'why'));

type Options = { approve?: boolean; reject?: boolean; undecide?: boolean; shape?: string; note?: string };
type Decision = 'approve' | 'reject' | 'undecided';

onJob<Options>(review, async (connection, jobId, options, given: string[]) => {
  const rows = await connection.api.getRows(jobId);
  const decision = options.approve
    ? 'approve'
    : options.reject
      ? 'reject'
      : options.undecide
        ? 'undecided'
        : undefined;
  if (!decision) return goThrough(connection, jobId, rows, options.note);
  if ((options.shape === undefined) === (given.length === 0)) {
    throw new UsageError('Name repositories, or a shape by --shape; one of the two.');
  }
  if (options.shape !== undefined) {
    await decideShape(connection, jobId, findShape(rows, options.shape), decision, options.note);
    return 0;
  }
  const names = new Set(
    findNames(
      given,
      rows.map(({ repositoryName }) => repositoryName),
    ),
  );
  const changes = rows.filter(({ repositoryName }) => names.has(repositoryName));
  await connection.api.review(jobId, {
    decision,
    repositories: [...names],
    seen: digestOf(changes),
    note: options.note,
  });
  print(`${wordOf(decision)}: ${repositories(names.size)}.\n`);
  return 0;
});

/** Shows one example of each shape that has an undecided change, and asks. */
async function goThrough(
  connection: Connection,
  jobId: string,
  rows: readonly SummaryRow[],
  note?: string,
): Promise<number> {
  const open = shapesOf(rows).filter((shape) => shape.rows.some(({ review: decided }) => !decided));
  if (open.length === 0) {
    tell('Every change is decided.');
    return 0;
  }
  if (!isInteractive()) {
    throw new UsageError(
      `${open.length} shapes are undecided, and there is no terminal to ask. Use --approve or --reject with --shape.`,
    );
  }
  for (const [i, shape] of open.entries()) {
    const example = shape.rows[0]!.repositoryName;
    const patch = await connection.api.getDiff(jobId, example);
    printStyled(
      `${style(['bold', 'underline'], `Shape ${i + 1} of ${open.length}: ${repositories(shape.rows.length)}, such as ${example}`)}\n\n`,
    );
    printStyled(patch ? patchText(patch) : '');
    for (;;) {
      const answer = (
        await ask('Approve, reject, list the repositories, next or quit? [a/r/l/n/q] ')
      ).toLowerCase();
      if (answer.startsWith('l'))
        print(`${shape.rows.map(({ repositoryName }) => `  ${repositoryName}`).join('\n')}\n`);
      else if (answer.startsWith('a') || answer.startsWith('r')) {
        await decideShape(connection, jobId, shape, answer.startsWith('a') ? 'approve' : 'reject', note);
        break;
      } else if (answer.startsWith('q')) return 0;
      else if (answer.startsWith('n')) break;
    }
  }
  return 0;
}

async function decideShape(
  { api }: Connection,
  jobId: string,
  { shape, rows }: Shape,
  decision: Decision,
  note?: string,
): Promise<void> {
  await api.review(jobId, { decision, shape, seen: digestOf(rows), note });
  print(`${wordOf(decision)}: ${repositories(rows.length)} of the shape ${shape.slice(0, 10)}.\n`);
}

function digestOf(rows: readonly SummaryRow[]): string {
  return digestOfChanges(
    rows.flatMap(({ repositoryName, patchSha }) => (patchSha ? [{ repositoryName, patchSha }] : [])),
  );
}

function wordOf(decision: Decision): string {
  return { approve: 'Approved', reject: 'Rejected', undecided: 'Undecided again' }[decision];
}
