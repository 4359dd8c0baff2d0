import type { Answer, Call } from './call.ts';

/** `per_page` (30, at most 100) and `page` (from 1). */
export function pageOf(query: URLSearchParams): { page: number; perPage: number } {
  const number = (name: string, fallback: number): number => {
    const value = Number.parseInt(query.get(name) ?? '', 10);
    return value >= 1 ? value : fallback;
  };
  return { page: number('page', 1), perPage: Math.min(100, number('per_page', 30)) };
}

/** 200 with one page of `items`, and the Link header that clients follow. */
export async function paginated<Item>(
  call: Pick<Call, 'query' | 'location'>,
  items: readonly Item[],
  present: (item: Item) => unknown,
): Promise<Answer> {
  const { page, perPage } = pageOf(call.query);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const link = (to: number, relation: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('page', String(to));
    return `<${call.location}?${query}>; rel="${relation}"`;
  };
  const links = [
    ...(page > 1 ? [link(Math.min(page - 1, last), 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  const shown = items.slice((page - 1) * perPage, page * perPage);
  return {
    status: 200,
    body: await Promise.all(shown.map(present)),
    ...(links.length > 0 && { headers: { link: links.join(', ') } }),
  };
}
