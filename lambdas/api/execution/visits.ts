import type { HistoryEvent } from '@aws-sdk/client-sfn';

/** What a history has of one state. Times are ISO 8601. */
export type Visit = {
  /** How often it was entered, as far as the history was read. */
  times: number;
  /** `caught`: it ended by an error that a Catch took. */
  status: 'running' | 'succeeded' | 'caught' | 'failed' | 'stopped';
  /** The last time. */
  enteredAt: string;
  /** Absent while it runs. */
  exitedAt?: string;
  /** Of a Map: the ARN of its newest Map run. */
  mapRunArn?: string;
};

/** The states that were entered, by name. `endedAs` is the status of the execution. */
export function visitsOf(events: readonly HistoryEvent[], endedAs: string | undefined): Map<string, Visit> {
  const byId = new Map(events.map((event) => [event.id!, event]));
  const visits = new Map<string, Visit>();
  /** The state that an event is in, by the id of the event: branches interleave. */
  const stateOf = new Map<number, string>();
  for (const event of events) {
    const { id, type = '', previousEventId = 0 } = event;
    const at = event.timestamp!.toISOString();
    const entered = event.stateEnteredEventDetails?.name;
    const exited = event.stateExitedEventDetails?.name;
    if (entered !== undefined) {
      const times = (visits.get(entered)?.times ?? 0) + 1;
      visits.set(entered, { times, status: 'running', enteredAt: at });
      stateOf.set(id!, entered);
      continue;
    }
    if (exited !== undefined) {
      const before = byId.get(previousEventId)?.type ?? '';
      // Its entry may be among the events that were not read.
      const visit = visits.get(exited) ?? { times: 1, enteredAt: at };
      const status = /(?:Failed|TimedOut|Aborted)$/.test(before) ? 'caught' : 'succeeded';
      visits.set(exited, { ...visit, status, exitedAt: at });
      continue;
    }
    if (type === 'ExecutionRedriven') for (const visit of visits.values()) stop(visit, at);
    const name = stateOf.get(previousEventId);
    if (name === undefined) continue;
    stateOf.set(id!, name);
    const mapRunArn = event.mapRunStartedEventDetails?.mapRunArn;
    const visit = visits.get(name)!;
    if (mapRunArn !== undefined) visits.set(name, { ...visit, mapRunArn });
    else if (type.endsWith('StateAborted')) visits.set(name, { ...visit, status: 'stopped', exitedAt: at });
  }
  return endedAs === undefined || endedAs === 'RUNNING' ? visits : ended(visits, events, endedAs);
}

/** A redriven execution enters the state again in which it had been interrupted. */
function stop(visit: Visit, at: string): void {
  if (visit.status === 'running') Object.assign(visit, { status: 'stopped', exitedAt: at });
}

/** Nothing runs in an execution that has ended, although the state in which it ended has no event of its exit. */
function ended(visits: Map<string, Visit>, events: readonly HistoryEvent[], endedAs: string) {
  const at = events.at(-1)!.timestamp!.toISOString();
  const status = endedAs === 'ABORTED' ? 'stopped' : 'failed';
  return new Map(
    [...visits].map(([name, visit]) => [
      name,
      visit.status === 'running' ? { ...visit, status, exitedAt: at } : visit,
    ]),
  ) as Map<string, Visit>;
}
