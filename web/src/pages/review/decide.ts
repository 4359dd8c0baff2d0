import { useMutation } from '@tanstack/react-query';
import { post } from '../../api/client.ts';
import { useRenewJob } from '../job/job-mutations.ts';
import type { Row } from '../job/rows.ts';

export type Decision = 'approve' | 'reject' | 'undecided';
/** A decision about all changes of a shape as they were shown, or about one repository's. */
export type Decide = { decision: Decision; rows: readonly Row[]; shape?: string };

/** Records a decision, with a digest of the changes that were on screen: the API refuses it if they are others by now. */
export function useDecide(jobId: string) {
  const renew = useRenewJob(jobId);
  return useMutation({
    mutationFn: async ({ decision, rows, shape }: Decide) =>
      post(`/jobs/${jobId}/reviews`, {
        decision,
        seen: await digestOf(rows),
        ...(shape ? { shape } : { repositories: rows.map(({ repositoryName }) => repositoryName) }),
      }),
    onSettled: renew,
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
