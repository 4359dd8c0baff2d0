import { inParallel } from '../core/in-parallel.ts';
import { type ErrorDescription, isEnded } from '../core/job.ts';
import { PARALLEL } from '../core/repository-table.ts';
import { spentSoFar } from './repository-end.ts';
import type { Storage } from './storage.ts';
import { readRows } from './totals.ts';

/** Ends every repository of a job that has not ended, with what its worker had spent; returns the rows afterwards. */
export async function endUnfinished(
  storage: Storage,
  jobId: string,
  status: 'failed' | 'cancelled',
  error: ErrorDescription,
) {
  const { artifacts, repositories, now } = storage;
  const unfinished = (await readRows(storage, jobId)).filter((row) => !isEnded(row.status));
  await inParallel(unfinished, PARALLEL, async ({ repositoryName, run }) => {
    await repositories.endUnfinished(jobId, repositoryName, {
      ...(await spentSoFar(artifacts, jobId, repositoryName, run)),
      status,
      ...(status === 'failed' && { outcome: 'failed' as const }),
      completedAt: now(),
      error,
    });
  });
  return readRows(storage, jobId);
}
