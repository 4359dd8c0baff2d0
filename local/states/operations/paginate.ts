import { ServiceError } from '../service-error.ts';

/** The page size on AWS if maxResults is 0 or absent. */
const DEFAULT_PAGE_SIZE = 100;

export type PageRequest = { maxResults?: number; nextToken?: string };

/**
 * Returns one page of `items`. The token has the key of the last item and not a position, so that items added at the
 * front between two requests do not shift the pages.
 */
export function paginate<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { maxResults, nextToken }: PageRequest,
): { items: T[]; nextToken: string | undefined } {
  let from = 0;
  if (nextToken !== undefined) {
    const key = Buffer.from(nextToken, 'base64url').toString();
    from = items.findIndex((item) => keyOf(item) === key) + 1;
    if (from === 0) throw new ServiceError('InvalidToken', `Invalid Token: '${nextToken}'`);
  }
  const to = from + (maxResults || DEFAULT_PAGE_SIZE);
  const given = items.slice(from, to);
  const last = given.at(-1);
  return {
    items: given,
    nextToken: last && to < items.length ? Buffer.from(keyOf(last)).toString('base64url') : undefined,
  };
}
