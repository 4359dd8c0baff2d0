import { textParam, wordParam } from '../../app/search-params.ts';

export const JOB_TABS = ['repositories', 'shapes', 'failures', 'pulls', 'runs', 'settings'] as const;
export const ROW_STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled', 'unknown'] as const;
/** `waiting` is `processing` that waits for the model's service. */
export const STATUS_FILTERS = [...ROW_STATUSES, 'waiting'] as const;
export const OUTCOMES = ['changed', 'unchanged', 'gaveUp', 'failed'] as const;
export const PULL_STATES = [
  'none',
  'open',
  'red',
  'green',
  'unfinished',
  'merged',
  'closed',
  'failed',
] as const;
export const REVIEWS = ['approve', 'reject', 'undecided'] as const;
export const SORTS = ['repositoryName', 'status', 'costUsd', 'changes', 'completedAt'] as const;

export type JobSearch = {
  tab?: (typeof JOB_TABS)[number];
  text?: string;
  status?: (typeof STATUS_FILTERS)[number];
  outcome?: (typeof OUTCOMES)[number];
  pull?: (typeof PULL_STATES)[number];
  review?: (typeof REVIEWS)[number];
  shape?: string;
  kin?: string;
  error?: string;
  /** A check that fails; of the tab of pull requests alone. */
  check?: string;
  sort?: (typeof SORTS)[number];
  desc?: boolean;
};

export function jobSearch(search: Record<string, unknown>): JobSearch {
  return {
    tab: wordParam(search.tab, JOB_TABS),
    text: textParam(search.text, 200),
    status: wordParam(search.status, STATUS_FILTERS),
    outcome: wordParam(search.outcome, OUTCOMES),
    pull: wordParam(search.pull, PULL_STATES),
    review: wordParam(search.review, REVIEWS),
    shape: textParam(search.shape, 80),
    kin: textParam(search.kin, 80),
    error: textParam(search.error, 400),
    check: textParam(search.check, 200),
    sort: wordParam(search.sort, SORTS),
    desc: search.desc === true || undefined,
  };
}

/** Whether the search picks some of the rows. */
export function isFiltered({ tab: _tab, sort: _sort, desc: _desc, ...filters }: JobSearch): boolean {
  return Object.values(filters).some((value) => value !== undefined);
}
