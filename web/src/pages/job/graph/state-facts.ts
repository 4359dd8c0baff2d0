import type { ExecutionLane, ExecutionState } from '../../../api/types.ts';
import { count, duration } from '../../../text/format.ts';
import type { JobSearch } from '../job-search.ts';

/** What is known of a state now, in words. */
export function factsOf(
  state: ExecutionState,
  lane: ExecutionLane,
  lanes: readonly ExecutionLane[],
  now: number,
): string[] {
  const { status, enteredAt, exitedAt, times = 0, now: here } = state;
  const facts: string[] = [];
  if (status && enteredAt) {
    const ms = (exitedAt ? Date.parse(exitedAt) : now) - Date.parse(enteredAt);
    facts.push(`${status} ${ms < 1000 ? '< 1 s' : duration(ms)}`);
  }
  if (times > 1) facts.push(`${count(times)} times`);
  const children = lanes.flatMap((lane) => lane.children).find(({ map }) => map === state.name);
  if (children) {
    const { total, succeeded, failed, running } = children;
    facts.push(`${count(succeeded + failed)} of ${count(total)}`);
    if (running > 0) facts.push(`${count(running)} running`);
  }
  const recorded = recordedIn(state.name, lane);
  if (recorded) facts.push(`${count(recorded)} recorded`);
  if (here) {
    facts.push(`${count(here.count)} here`);
    for (const [phase, of] of Object.entries(here.phases ?? {})) facts.push(`${phase} ${count(of)}`);
    if (here.since && here.count > 0) facts.push(`longest ${duration(now - Date.parse(here.since))}`);
    if (here.until && here.count > 0)
      facts.push(`next in ${duration(Math.max(0, Date.parse(here.until) - now))}`);
  }
  return facts;
}

/** How many repositories or pull requests a state has recorded the end of. */
export function recordedIn(name: string, { counts, children }: ExecutionLane): number {
  if (name === 'RecordResult') return counts?.completed ?? 0;
  if (name === 'RecordFailure') return counts?.failed ?? 0;
  if (name === 'OpenPullRequest') return children.reduce((sum, { succeeded }) => sum + succeeded, 0);
  return 0;
}

/** What the lane is about, and how far it is. */
export function titleOf({ lane, children, counts }: ExecutionLane): { title: string; facts: string[] } {
  const sum = (of: (one: ExecutionLane['children'][number]) => number) =>
    children.reduce((total, one) => total + of(one), 0);
  if (lane === 'job') return { title: 'The job', facts: [] };
  if (lane === 'repository') {
    if (!counts) return { title: 'Each repository', facts: [] };
    const facts = [
      `${count(counts.completed + counts.failed + counts.cancelled)} of ${count(counts.total)} ended`,
      `${count(counts.processing)} under way`,
      `${count(counts.pending)} to do`,
      ...(counts.failed > 0 ? [`${count(counts.failed)} failed`] : []),
    ];
    return { title: 'Each repository', facts };
  }
  const facts =
    children.length === 0
      ? ['none in this run']
      : [
          `${count(sum((of) => of.succeeded + of.failed))} of ${count(sum((of) => of.total))} done`,
          `${count(sum((of) => of.running))} under way`,
        ];
  return { title: lane === 'pullRequest' ? 'Each pull request' : lane, facts };
}

/** The rows of the table that a state is about. */
export const ROWS_OF: Readonly<Record<string, JobSearch>> = {
  AnalyzeRepository: { status: 'processing' },
  WaitForModel: { status: 'waiting' },
  RecordResult: { status: 'completed' },
  RecordFailure: { status: 'failed' },
  OpenPullRequest: { pull: 'open' },
  RecordPullRequestFailure: { pull: 'failed' },
};
