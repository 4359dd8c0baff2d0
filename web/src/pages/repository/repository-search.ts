import { textParam, wordParam } from '../../app/search-params.ts';

export const REPOSITORY_TABS = ['diff', 'conversation', 'log', 'record'] as const;

export type RepositorySearch = { tab?: (typeof REPOSITORY_TABS)[number]; file?: string };

export function repositorySearch(search: Record<string, unknown>): RepositorySearch {
  return { tab: wordParam(search.tab, REPOSITORY_TABS), file: textParam(search.file, 4096) };
}
