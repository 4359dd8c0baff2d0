import { Option } from 'commander';
import type { JobRow } from '../../core/job.ts';
import { type ConnectOptions, withConnection } from '../connect/connection.ts';
import { onRun, wholeNumberOption } from '../frame/command.ts';
import { jobCommand } from '../frame/job-command.ts';
import { ago } from '../jobs/ago.ts';
import { shortId } from '../jobs/job-reference.ts';
import { endedOf } from '../jobs/job-state.ts';
import { costOf } from '../jobs/result-table.ts';
import { printJson, printStyled, tell } from '../terminal/print.ts';
import { streams, widthOf } from '../terminal/streams.ts';
import { styleStatus } from '../terminal/style.ts';
import { type Column, table } from '../terminal/table.ts';

export const jobs = jobCommand('jobs', {
  summary: 'lists jobs',
  description: 'Lists jobs, newest first.',
  examples: [
    ['jobs', 'the newest 20'],
    ['jobs --status failed --limit 5', 'the last five that failed'],
    ['jobs --json | jq -r .[].jobId', 'for a script'],
  ],
})
  .alias('ls')
  .addOption(
    new Option('-s, --status <status>', 'only jobs with this status').choices([
      ...['pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled'],
    ]),
  )
  .addOption(wholeNumberOption('-n, --limit <n>', 'how many (20)').default(20))
  .addOption(new Option('--json', 'prints one JSON document: a list of jobs'));

type Options = ConnectOptions & { status?: string; limit: number; json?: boolean };

const MAX_PAGE = 100;

onRun<Options>(jobs, async (options) =>
  withConnection(options, async ({ api, target }) => {
    const found: JobRow[] = [];
    let cursor: string | undefined;
    do {
      const limit = String(Math.min(MAX_PAGE, options.limit - found.length));
      const page = await api.listJobs({ status: options.status, limit, cursor });
      found.push(...page.jobs);
      cursor = page.cursor;
    } while (cursor && found.length < options.limit);
    if (options.json) printJson(found);
    else if (found.length === 0) {
      tell(
        `There are no jobs${options.status ? ` with the status ${options.status}` : ''} at ${target.kind === 'api' ? target.url : target.folder}.`,
      );
    } else printStyled(`${table(found, columns())}\n`);
  }),
);

function columns(): Column<JobRow>[] {
  // Scripts get whole identifiers; on a terminal the end of one is enough.
  const isShort = streams.out.isTTY;
  return [
    { heading: 'job', cell: ({ jobId }) => (isShort ? shortId(jobId) : jobId) },
    { heading: 'status', cell: ({ status }) => status, style: styleStatus },
    { heading: 'ended', cell: ({ counts }) => `${endedOf(counts)}/${counts.total}`, isRight: true },
    {
      heading: 'failed',
      cell: ({ counts }) => (counts.failed ? String(counts.failed) : ''),
      isRight: true,
      drop: 2,
    },
    { heading: 'cost', cell: costOf, isRight: true, drop: 3 },
    { heading: 'age', cell: ({ createdAt }) => ago(createdAt), isRight: true, drop: 1 },
    { heading: 'name', cell: ({ name }) => oneLine(name), drop: 4 },
  ];
}

const LONGEST_NAME = 60;
/** How many characters of a name are shown beside the other columns, on a terminal that is not narrow. */
const SHORTEST_NAME = 20;
const OTHER_COLUMNS = 58;

/** Cuts the name, so that the column fits on a terminal. */
function oneLine(name: string): string {
  const room = (widthOf(streams.out) ?? Number.POSITIVE_INFINITY) - OTHER_COLUMNS;
  const most = Math.min(LONGEST_NAME, Math.max(SHORTEST_NAME, room));
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}
