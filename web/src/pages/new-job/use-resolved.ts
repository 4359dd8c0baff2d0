import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { post } from '../../api/client.ts';
import type { ResolvedChoice } from '../../api/types.ts';
import { useDebounced } from '../../ui/use-debounced.ts';

/** What the entries come to, with the allow-list applied, as one types. */
export function useResolved(entries: readonly string[]) {
  const settled = useDebounced(entries.join('\n'), 400);
  return useQuery({
    queryKey: ['resolve', settled],
    queryFn: () => post<ResolvedChoice>('/repositories/resolve', { repositories: settled.split('\n') }),
    enabled: settled !== '',
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 60_000,
  });
}
