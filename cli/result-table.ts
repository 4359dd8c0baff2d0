import { printable, printableLine } from '../core/printable.ts';
import type { RepositorySummary } from '../core/repository-result.ts';

const HEADINGS = ['repository', 'outcome', 'files', '+', '−', 'turns', 'tokens', 'cost', 'pull request'];
const RIGHT_ALIGNED = new Set([2, 3, 4, 5, 6, 7]);

/** The results as a table of text, with each failure's reason below it. */
export function resultTable(results: readonly RepositorySummary[]): string {
  const rows = [HEADINGS, ...results.map((result) => cellsOf(result).map(printableLine))];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        RIGHT_ALIGNED.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  const reasons = reasonsOf(results);
  return printable([...lines, ...(reasons.length > 0 ? ['', ...reasons] : [])].join('\n'));
}

function cellsOf(result: RepositorySummary): string[] {
  return [
    result.repositoryName,
    outcomeCell(result),
    numberCell(result.changedFiles),
    numberCell(result.additions),
    numberCell(result.deletions),
    numberCell(result.turns),
    numberCell(result.tokenUsage?.total),
    costCell(result.costUsd),
    result.pullRequestUrl ?? (result.pullRequest ? result.pullRequest.state : ''),
  ];
}

function outcomeCell({ outcome, status, end, notDone = [] }: RepositorySummary): string {
  if (outcome === 'gaveUp' && end && end !== 'gaveUp') return `gaveUp (${end})`;
  const name = outcome ?? status;
  return notDone.length > 0 ? `${name} (${notDone.length} not done)` : name;
}

/** One line for each reason why something is missing. A reason that several repositories share is printed once. */
function reasonsOf(results: readonly RepositorySummary[]): string[] {
  const names = new Map<string, string[]>();
  for (const result of results)
    for (const reason of reasonsOfOne(result))
      names.set(reason, [...(names.get(reason) ?? []), result.repositoryName]);
  return [...names].map(([reason, [first, ...others]]) =>
    others.length === 0 ? `${first}: ${reason}` : `${others.length + 1} repositories: ${reason}`,
  );
}

function reasonsOfOne({ status, error, summary, notDone = [], pullRequest }: RepositorySummary): string[] {
  const left = notDone.map((entry) => `not done: ${printableLine(entry)}`);
  const failure = error ?? pullRequest?.error;
  if (failure) return [`${failure.name}: ${failure.message}`, ...left];
  return [...(status === 'failed' && summary ? [summary] : []), ...left];
}

function numberCell(value: number | undefined): string {
  return value === undefined ? '' : value.toLocaleString('en-US');
}

/** A dash, and never zero, if no price is known. */
export function costCell(usd: number | undefined): string {
  return usd === undefined ? '—' : `$${usd.toFixed(4)}`;
}
