import { ServiceError } from '../service-error.ts';

/** What AWS gives where maxResults is 0 or absent. */
const DEFAULT_PAGE = 100;

export type PageRequest = { maxResults?: number; nextToken?: string };

/**
 * One page of `items`. The token names the last item given, not a position, so that what is added at the front
 * meanwhile repeats nothing.
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
  const to = from + (maxResults || DEFAULT_PAGE);
  const given = items.slice(from, to);
  const last = given.at(-1);
  return {
    items: given,
    nextToken: last && to < items.length ? Buffer.from(keyOf(last)).toString('base64url') : undefined,
  };
}
