import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post, remove } from '../../api/client.ts';

/** What a run of a job takes: all that it can, or some. */
export type RunBody = {
  repositories?: string[];
  shape?: string;
  approved?: boolean;
  settings?: { maxTurns?: number; maxCostUsd?: number };
};

/** Starts the next run of a job, once however often it is sent: a lost answer is asked for again by its key. */
export function useStartRun(jobId: string, action: 'retry' | 'continue' | 'pull-requests') {
  const renew = useRenewJob(jobId);
  return useMutation({
    mutationFn: (body: RunBody) =>
      post(`/jobs/${jobId}/${action}`, body, { idempotencyKey: crypto.randomUUID() }),
    onSettled: renew,
  });
}

export function useCancelJob(jobId: string) {
  const renew = useRenewJob(jobId);
  return useMutation({ mutationFn: () => post(`/jobs/${jobId}/cancel`), onSettled: renew });
}

export function useDeleteJob(jobId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => remove(`/jobs/${jobId}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['jobs'] }),
  });
}

/** Reads everything of a job again. */
export function useRenewJob(jobId: string) {
  const client = useQueryClient();
  return () =>
    client.invalidateQueries({
      predicate: ({ queryKey }) => queryKey[1] === jobId || queryKey[0] === 'jobs',
    });
}
