import { textParam } from '../../app/search-params.ts';

/** The shape and the member that are on screen. */
export type ReviewSearch = { shape?: string; member?: string };

export function reviewSearch(search: Record<string, unknown>): ReviewSearch {
  return { shape: textParam(search.shape, 80), member: textParam(search.member, 200) };
}
