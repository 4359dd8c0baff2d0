import { QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/client.ts';

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    // The header shows whether the service answers, so a connection that is lost anywhere asks for it at once.
    onError: (error, { queryKey: [name] }) => {
      if (name !== 'health' && !(error instanceof ApiError))
        void queryClient.invalidateQueries({ queryKey: ['health'] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 1000,
      // A refusal stays a refusal; a lost connection or a fault of the service may pass.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});
