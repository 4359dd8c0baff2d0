import { Option } from 'commander';
import type { RunRecord } from '../../core/run-record.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { ago } from '../jobs/ago.ts';
import { printJson, printStyled } from '../terminal/print.ts';
import { styleStatus } from '../terminal/style.ts';
import { type Column, table } from '../terminal/table.ts';

export const runs = jobCommand('runs', {
  summary: 'lists the runs of a job',
  description:
    'Lists the runs of a job, newest first: what each was asked for, by whom, how it ended, and what it alone cost.',
  examples: [['runs -', 'the runs of the last job']],
})
  .argument('<job>', 'the job')
  .addOption(new Option('--json', 'prints one JSON document: a list of runs'));

onJob<{ json?: boolean }>(runs, async ({ api }, jobId, { json }) => {
  const found = await api.listRuns(jobId);
  if (json) printJson(found);
  else printStyled(`${table(found, COLUMNS)}\n`);
});

const COLUMNS: Column<RunRecord>[] = [
  { heading: 'run', cell: ({ run }) => String(run), isRight: true },
  { heading: 'asked for', cell: ({ kind, action }) => kind ?? action ?? '' },
  { heading: 'status', cell: ({ status }) => status, style: styleStatus },
  { heading: 'of', cell: ({ selected }) => (selected === undefined ? 'all' : String(selected)), drop: 2 },
  { heading: 'failed', cell: ({ counts }) => String(counts?.failed || ''), isRight: true, drop: 3 },
  {
    heading: 'cost',
    // Nothing was asked of a model, or its price is unknown.
    cell: ({ costUsd }) => (costUsd ? `$${costUsd.toFixed(2)}` : '—'),
    isRight: true,
  },
  {
    heading: 'age',
    cell: ({ startedAt, requestedAt }) => {
      const at = startedAt ?? requestedAt;
      return at === undefined ? '' : ago(at);
    },
    isRight: true,
    drop: 1,
  },
  { heading: 'by', cell: ({ requestedBy = '' }) => requestedBy, drop: 4 },
];
