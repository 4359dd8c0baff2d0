import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import type { PullRequestOverrides } from '../../../../core/job.ts';
import type { AskedOperation } from '../../../../core/pull-request-operation.ts';
import { ApiError, post, remove } from '../../api/client.ts';
import type { JobPage } from '../../api/types.ts';

/** What a run of a job takes: all that it can, or some. */
export type RunBody = {
  repositories?: string[];
  shape?: string;
  approved?: boolean;
  instruction?: string;
  prompt?: string;
  maxCostUsd?: number;
  redo?: true;
  settings?: { maxTurns?: number; maxCostUsd?: number };
  pullRequest?: PullRequestOverrides;
} & AskedOperation;

/**
 * Starts the next run of a job. The key belongs to what the person wants: the same request, about the run that was on
 * screen, keeps its key until it is answered, so that a lost answer or a second click never starts a second run.
 */
export function useStartRun(
  jobId: string,
  action: 'retry' | 'continue' | 'revise' | 'repair' | 'pull-requests',
) {
  const client = useQueryClient();
  const renew = useRenewJob(jobId);
  const intent = useRef({ wish: '', key: '' });
  const keys = useRef(new WeakMap<RunBody, string>());
  return useMutation({
    onMutate: (body: RunBody) => {
      const run = client.getQueryData<JobPage>(['job', jobId])?.run;
      const wish = JSON.stringify([run, body]);
      if (intent.current.wish !== wish) intent.current = { wish, key: crypto.randomUUID() };
      keys.current.set(body, intent.current.key);
    },
    mutationFn: (body: RunBody) =>
      post(`/jobs/${jobId}/${action}`, body, { idempotencyKey: keys.current.get(body)! }),
    retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status < 500),
    onSuccess: () => {
      intent.current = { wish: '', key: '' };
    },
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
