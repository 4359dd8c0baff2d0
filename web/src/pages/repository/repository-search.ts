import { countParam, textParam, wordParam } from '../../app/search-params.ts';

export const REPOSITORY_TABS = ['diff', 'conversation', 'log', 'runs', 'record'] as const;
export const THREAD_VIEWS = ['standard', 'simplified', 'technical'] as const;

export type RepositorySearch = {
  tab?: (typeof REPOSITORY_TABS)[number];
  view?: (typeof THREAD_VIEWS)[number];
  file?: string;
  /** A line of that file after the change. */
  line?: number;
  /** The run whose diff, conversation or log is shown, in place of that of the result. */
  run?: number;
};

export function repositorySearch(search: Record<string, unknown>): RepositorySearch {
  return {
    tab: wordParam(search.tab, REPOSITORY_TABS),
    view: wordParam(search.view, THREAD_VIEWS),
    file: textParam(search.file, 4096),
    line: countParam(search.line),
    run: countParam(search.run),
  };
}
