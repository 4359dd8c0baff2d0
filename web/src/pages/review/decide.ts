import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post } from '../../api/client.ts';
import type { Rows } from '../../api/types.ts';
import { useRenewJob } from '../job/job-mutations.ts';
import type { Row } from '../job/rows.ts';
import { type Decide, withDecisions } from './decisions.ts';

/**
 * Records decisions, each with a digest of the changes that were on screen: the API refuses it if they are others by now. The
 * rows on screen have the decisions at once, so that the next key is about the next change.
 */
export function useDecide(jobId: string) {
  const client = useQueryClient();
  const renew = useRenewJob(jobId);
  const mutationKey = ['review', jobId];
  return useMutation({
    mutationKey,
    // One after the other, because a decision may replace the one before.
    scope: { id: mutationKey.join(' ') },
    onMutate: async (all: readonly Decide[]) => {
      await client.cancelQueries({ queryKey: ['rows', jobId] });
      client.setQueryData<Rows>(['rows', jobId], (rows) => rows && withDecisions(rows, all));
    },
    mutationFn: async (all: readonly Decide[]) => {
      for (const { decision, rows, shape } of all) {
        await post(`/jobs/${jobId}/reviews`, {
          decision,
          seen: await digestOf(rows),
          ...(shape ? { shape } : { repositories: rows.map(({ repositoryName }) => repositoryName) }),
        });
      }
    },
    onSettled: () => (client.isMutating({ mutationKey }) === 1 ? renew() : undefined),
  });
}

/** The SHA-256 of a line for each change, sorted by name, as docs/api.md describes it. */
async function digestOf(rows: readonly Row[]): Promise<string> {
  const lines = rows
    .map(({ repositoryName, patchSha }) => ({ repositoryName, patchSha }))
    .sort((a, b) => (a.repositoryName < b.repositoryName ? -1 : 1))
    .map(({ repositoryName, patchSha }) => `${repositoryName} ${patchSha}\n`);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(lines.join('')));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
