import { Option } from 'commander';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { type Shape, shapesOf } from '../jobs/shapes.ts';
import { printJson, printStyled, tell } from '../terminal/print.ts';
import { styleStatus } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';

export const shapes = jobCommand('shapes', {
  summary: 'groups the changes of a job that are equal',
  description:
    'Groups the changes of a job that are equal but for their place: a fleet of thousands is often a handful of shapes. A person decides about a shape by `cody-batch review`.',
  examples: [
    ['shapes -', 'the shapes of the last job'],
    ['diff - --shape 3f2a --one', 'one example of a shape'],
  ],
})
  .argument('<job>', 'the job')
  .addOption(new Option('--json', 'prints one JSON document: a list of shapes with their repositories'));

onJob<{ json?: boolean }>(shapes, async ({ api }, jobId, { json }) => {
  const found = shapesOf(await api.getRows(jobId));
  if (json) {
    printJson(
      found.map(({ shape, kin, rows }) => ({
        ...{ shape, kin, review: reviewOf(rows) },
        repositories: rows.map(({ repositoryName }) => repositoryName),
      })),
    );
  } else if (found.length === 0) tell('The job has no change yet.');
  else {
    const columns = [
      { heading: 'shape', cell: ({ shape }: Shape) => shape.slice(0, 10) },
      { heading: 'changes', cell: ({ rows }: Shape) => String(rows.length), isRight: true },
      { heading: 'review', cell: ({ rows }: Shape) => reviewOf(rows), style: styleStatus },
      {
        heading: 'lines',
        cell: ({ rows: [row] }: Shape) => `+${row!.additions} −${row!.deletions}`,
        isRight: true,
        drop: 1,
      },
      { heading: 'kin', cell: ({ kin = '' }: Shape) => kin.slice(0, 8), drop: 3 },
      { heading: 'such as', cell: ({ rows }: Shape) => rows[0]!.repositoryName, drop: 2 },
    ];
    printStyled(`${table(found, columns)}\n`);
  }
});

/** The decision about all changes of a shape, or how many are decided. */
function reviewOf(rows: Shape['rows']): string {
  const decided = rows.filter(({ review }) => review);
  const decisions = new Set(decided.map(({ review }) => review!));
  if (decided.length === rows.length && decisions.size === 1) return [...decisions][0]!;
  return decided.length === 0 ? 'undecided' : `${decided.length} of ${rows.length} decided`;
}
