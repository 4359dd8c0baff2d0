import { textParam } from '../../app/search-params.ts';

/** `from`: the job whose request fills in the form. */
export type NewJobSearch = { from?: string };

export function newJobSearch(search: Record<string, unknown>): NewJobSearch {
  return { from: textParam(search.from, 40) };
}
