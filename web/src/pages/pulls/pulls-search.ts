import { textParam, wordParam } from '../../app/search-params.ts';

export const PULL_FILTERS = ['open', 'red', 'merged', 'closed', 'failed'] as const;

export type PullsSearch = { state?: (typeof PULL_FILTERS)[number]; text?: string };

export function pullsSearch(search: Record<string, unknown>): PullsSearch {
  return { state: wordParam(search.state, PULL_FILTERS), text: textParam(search.text, 200) };
}
