import { Option } from 'commander';
import { printable } from '../../core/printable.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { ApiClient } from '../connect/api-client.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { patchText } from '../jobs/patch.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { numberCell } from '../jobs/result-table.ts';
import { rowsOfShape } from '../jobs/shapes.ts';
import { page } from '../terminal/pager.ts';
import { printStyled, tell } from '../terminal/print.ts';
import { streams } from '../terminal/streams.ts';
import { style, styleStatus } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';

export const diff = jobCommand('diff', {
  summary: 'shows the changes of a job',
  description:
    'Shows the changes of a job, in colours and by your pager (PAGER) on a terminal. In a pipe it prints the patches as they are.',
  examples: [
    ['diff -', 'all changes of the last job'],
    ['diff - --stat', 'how much changed where'],
    ['diff 8X2Q acme/api "acme/web-*"', 'some repositories'],
    ['diff - --shape 1:3f2a --one', 'one example of a class of equal changes'],
    ['diff - acme/api | git apply', 'into the clone where you are'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository...]', 'names, patterns with *, or paths of work trees; all if none is given')
  .addOption(new Option('--stat', 'only how much changed'))
  .addOption(new Option('--shape <id>', 'only changes of this class (`cody-batch shapes`)'))
  .addOption(new Option('--one', 'only the first change'))
  .addOption(new Option('--no-pager', 'does not use a pager'));

type Options = { stat?: boolean; shape?: string; one?: boolean; pager: boolean };

onJob<Options>(diff, async ({ api }, jobId, options, given: string[]) => {
  const rows = await api.getRows(jobId);
  const names =
    given.length > 0
      ? new Set(
          findNames(
            given,
            rows.map((row) => row.repositoryName),
          ),
        )
      : undefined;
  const ofShape = options.shape === undefined ? rows : rowsOfShape(rows, options.shape);
  const all = ofShape.filter(
    ({ repositoryName, changedFiles }) => changedFiles && (!names || names.has(repositoryName)),
  );
  const changed = options.one ? all.slice(0, 1) : all;
  if (changed.length === 0) {
    tell('There is no change to show.');
    return 1;
  }
  if (options.stat) {
    printStyled(`${statTable(changed)}\n`);
    return 0;
  }
  if (streams.out.isTTY) await page(await readable(api, jobId, changed), options.pager);
  else await pipe(api, jobId, changed);
  return 0;
});

async function readable(api: ApiClient, jobId: string, rows: readonly SummaryRow[]): Promise<string> {
  const parts: string[] = [];
  for (const row of rows) {
    const patch = await api.getDiff(jobId, row.repositoryName);
    const head = `${printable(row.repositoryName)}  +${row.additions} −${row.deletions}${row.review ? `  ${row.review}` : ''}`;
    parts.push(`${style(['bold', 'underline'], head)}\n\n${patch ? patchText(patch) : ''}\n`);
  }
  return parts.join('');
}

/** Patches byte for byte, so that `git apply` takes them. */
async function pipe(api: ApiClient, jobId: string, rows: readonly SummaryRow[]): Promise<void> {
  if (rows.length > 1) {
    const names = new Set(rows.map(({ repositoryName }) => repositoryName));
    if (names.size > 1) tell(`These are the patches of ${rows.length} repositories, one after the other.`);
  }
  for (const { repositoryName } of rows) {
    const patch = await api.getDiff(jobId, repositoryName);
    if (patch) streams.out.write(patch as unknown as string);
  }
}

function statTable(rows: readonly SummaryRow[]): string {
  return table(rows, [
    { heading: 'repository', cell: ({ repositoryName }) => repositoryName },
    { heading: 'files', cell: ({ changedFiles }) => numberCell(changedFiles), isRight: true },
    {
      heading: '+',
      cell: ({ additions }) => numberCell(additions),
      isRight: true,
      style: (text) => style('green', text),
    },
    {
      heading: '−',
      cell: ({ deletions }) => numberCell(deletions),
      isRight: true,
      style: (text) => style('red', text),
    },
    { heading: 'review', cell: ({ review = '' }) => review, style: styleStatus, drop: 2 },
    { heading: 'shape', cell: ({ shape = '' }) => shape.slice(0, 10), drop: 1 },
  ]);
}
