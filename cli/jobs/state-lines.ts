import { printableLine } from '../../core/printable.ts';
import type { RepositorySummary } from '../../core/repository-result.ts';
import type { OutStream } from '../terminal/streams.ts';
import { style } from '../terminal/style.ts';
import type { JobState } from './job-state.ts';
import { usd } from './result-table.ts';

type Room = { width: number; height: number; stream: OutStream };

const PHASES: Readonly<Record<string, string>> = {
  cloning: 'cloning',
  conversing: 'conversing',
  verifying: 'verifying',
  saving: 'saving',
  waitingForModel: 'waits for the model',
  waitingForSlot: 'waits for its turn on GitHub',
};

const MAX_BAR = 30;
const MAX_FAILURES = 3;

/** A job as lines for a terminal: the bar, what is worked on, and how often what went wrong. The caller cuts long ones. */
export function stateLines({ job, running, failures }: JobState, seconds: number, room: Room): string[] {
  // One line stays free for the cursor, and one for what was above.
  const most = Math.max(1, Math.min(8, room.height - 4 - Math.min(failures.length, MAX_FAILURES)));
  const shown = running.slice(0, running.length > most ? most - 1 : most);
  const more = running.length - shown.length;
  return [
    barLine(job, seconds, room),
    ...shown.map((repository) => style('cyan', runningLine(repository, room.width), room.stream)),
    ...(more > 0 ? [style('gray', `  and ${more} more`, room.stream)] : []),
    ...failures
      .slice(0, MAX_FAILURES)
      .map(({ reason, count }) => style('red', printableLine(`  ${count} failed: ${reason}`), room.stream)),
  ];
}

/** Parts are left out from the end as the terminal narrows; the bar takes what is left. */
function barLine(
  { status, counts, spending }: JobState['job'],
  seconds: number,
  { width, stream }: Room,
): string {
  const ended = counts.completed + counts.failed + counts.cancelled;
  const parts = [
    `${ended}/${counts.total}`,
    ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
    ...(counts.cancelled > 0 ? [`${counts.cancelled} cancelled`] : []),
    ...(counts.waiting ? [`${counts.waiting} waiting`] : []),
    ...(spending && spending.settledUsd > 0 ? [usd(spending.settledUsd)] : []),
    `${Math.round(seconds)} s`,
  ];
  let text = parts.join(', ');
  while (text.length > width - 14 && parts.length > 1) {
    parts.pop();
    text = parts.join(', ');
  }
  const bar = Math.max(4, Math.min(MAX_BAR, width - text.length - status.length - 5));
  const done = counts.total === 0 ? 0 : Math.round((ended / counts.total) * bar);
  return `${style('green', '█'.repeat(done), stream)}${style('gray', '░'.repeat(bar - done), stream)} ${text} ${status}`;
}

function runningLine(repository: RepositorySummary, width: number): string {
  const { repositoryName, phase, turns, costUsd, waiting, startedAt } = repository;
  const until = waiting && new Date(waiting.until).toLocaleTimeString('en-GB');
  const what = phase ? (PHASES[phase] ?? phase) : startedAt ? 'starting' : 'queued';
  const facts = [
    until ? `${what} until ${until}` : what,
    ...(turns ? [`turn ${turns}`] : []),
    ...(costUsd ? [usd(costUsd)] : []),
  ].join(', ');
  const room = Math.max(8, width - facts.length - 5);
  const name = printableLine(repositoryName);
  const cut = name.length > room ? `…${name.slice(-(room - 1))}` : name;
  return printableLine(`  ${cut}  ${facts}`);
}
