import { printable, printableLine } from '../../core/printable.ts';
import type { RepositorySummary } from '../../core/repository-result.ts';
import { streams, widthOf } from '../terminal/streams.ts';
import { styleStatus } from '../terminal/style.ts';
import { type Column, fitting, table } from '../terminal/table.ts';
import { wrapped } from '../terminal/wrap.ts';
import { optionForField } from './job-options.ts';

type Row = RepositorySummary;

const COLUMNS: readonly Column<Row>[] = [
  { heading: 'repository', cell: ({ repositoryName }) => repositoryName },
  { heading: 'outcome', cell: outcomeCell, style: styleStatus },
  { heading: 'files', cell: ({ changedFiles }) => numberCell(changedFiles), isRight: true, drop: 1 },
  { heading: '+', cell: ({ additions }) => numberCell(additions), isRight: true, drop: 2 },
  { heading: '−', cell: ({ deletions }) => numberCell(deletions), isRight: true, drop: 2 },
  { heading: 'turns', cell: ({ turns }) => numberCell(turns), isRight: true, drop: 4 },
  { heading: 'tokens', cell: ({ tokenUsage }) => numberCell(tokenUsage?.total), isRight: true, drop: 3 },
  { heading: 'cost', cell: costOf, isRight: true, drop: 1 },
];

/** `drop` is above those of the other columns: an address that was cut would be of no use, so it moves below the table. */
const URL_COLUMN: Column<Row> = { heading: 'pull request', cell: pullRequestCell, drop: 5 };

/** The results as a table of text, with what did not fit and each failure's reason below it. */
export function resultTable(results: readonly Row[]): string {
  const hasUrls = results.some((result) => pullRequestCell(result) !== '');
  const columns = hasUrls ? [...COLUMNS, URL_COLUMN] : COLUMNS;
  const urlsFit = fitting(results, columns, widthOf(streams.out)).includes(URL_COLUMN);
  const urls = hasUrls && !urlsFit ? results.map(pullRequestCell).filter(Boolean) : [];
  const reasons = reasonsOf(results);
  return [
    table(results, columns),
    ...(urls.length > 0 ? ['', ...urls.map(printableLine)] : []),
    ...(reasons.length > 0 ? ['', ...reasons.map((reason) => broken(printable(reason)))] : []),
  ].join('\n');
}

/** On a terminal, long lines are broken between words. */
function broken(text: string): string {
  const width = widthOf(streams.out);
  return width === undefined ? text : wrapped(text, width - 1);
}

/** The address, with the state of a pull request that is not open any longer. */
function pullRequestCell({ pullRequestUrl, pullRequest }: Row): string {
  const state = pullRequest?.state ?? '';
  if (pullRequestUrl === undefined) return state;
  return state === 'merged' || state === 'closed' ? `${pullRequestUrl} ${state}` : pullRequestUrl;
}

export function outcomeCell({
  outcome,
  status,
  end,
  notDone = [],
}: Pick<Row, 'outcome' | 'status' | 'end' | 'notDone'>): string {
  if (outcome === 'gaveUp' && end && end !== 'gaveUp') return `gaveUp (${end})`;
  const name = outcome ?? status;
  return notDone.length > 0 ? `${name} (${notDone.length} not done)` : name;
}

/** One line for each reason why something is missing. A reason that several repositories share is printed once. */
function reasonsOf(results: readonly Row[]): string[] {
  const names = new Map<string, string[]>();
  for (const result of results)
    for (const reason of reasonsOfOne(result))
      names.set(reason, [...(names.get(reason) ?? []), result.repositoryName]);
  return [...names].map(([reason, [first, ...others]]) =>
    others.length === 0 ? `${first}: ${reason}` : `${others.length + 1} repositories: ${reason}`,
  );
}

function reasonsOfOne({ status, error, summary, notDone = [], pullRequest }: Row): string[] {
  const left = notDone.map((entry) => `not done: ${printableLine(entry)}`);
  const failure = error ?? pullRequest?.error;
  if (failure) return [`${failure.name}: ${failure.message}`, ...left];
  return [...(status === 'failed' && summary ? [withOptions(summary)] : []), ...left];
}

/** Names the options of `run` and `retry` in place of a job's fields. */
function withOptions(text: string): string {
  return text.replace(/\bsettings\.\w+/g, (field) => optionForField(field) ?? field);
}

export function numberCell(value: number | undefined): string {
  return value === undefined ? '' : value.toLocaleString('en-US');
}

/** A dash, and never zero, if no price is known or nothing was asked of the model. */
export function costOf({
  costUsd,
  tokenUsage,
}: {
  costUsd?: number;
  tokenUsage?: { total: number };
}): string {
  return costUsd === undefined || !tokenUsage?.total ? '—' : usd(costUsd);
}

export function usd(amount: number): string {
  return `$${amount.toFixed(4)}`;
}
