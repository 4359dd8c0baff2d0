import type { Checks } from './check-store.ts';

/** The newest of each name, given newest first. */
export function latest<Item>(items: readonly Item[], nameOf: (item: Item) => string): Item[] {
  const seen = new Set<string>();
  return items.filter((item) => !seen.has(nameOf(item)) && seen.add(nameOf(item)));
}

const FAILED = new Set(['action_required', 'cancelled', 'failure', 'startup_failure', 'timed_out', 'stale']);

/**
 * The state of check runs and commit statuses together, the newest of each name. Returns undefined if
 * there are none.
 */
export function rollup({ checkRuns, statuses }: Checks): string | undefined {
  const runs = latest(checkRuns, ({ name }) => name);
  const contexts = latest(statuses, ({ context }) => context);
  if (runs.length + contexts.length === 0) return undefined;
  if (contexts.some(({ state }) => state === 'error')) return 'ERROR';
  const isFailed =
    runs.some(({ conclusion }) => FAILED.has(conclusion ?? '')) ||
    contexts.some(({ state }) => state === 'failure');
  if (isFailed) return 'FAILURE';
  const isPending =
    runs.some(({ status }) => status !== 'completed') || contexts.some(({ state }) => state === 'pending');
  return isPending ? 'PENDING' : 'SUCCESS';
}
