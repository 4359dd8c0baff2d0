import { inParallel } from '../core/in-parallel.ts';
import { type ErrorDescription, isEnded, type JobRow } from '../core/job.ts';
import { PARALLEL, type RepositoryEnd } from '../core/repository-table.ts';
import { spentSoFar, withEarlierRuns } from './repository-end.ts';
import type { Storage } from './storage.ts';
import { readRows } from './totals.ts';

/** What a repository's row says that did not end before its job was cancelled. */
export const JOB_CANCELLED: ErrorDescription = {
  name: 'JobCancelled',
  message: 'The job was cancelled before this repository ended.',
};

/**
 * Ends every repository of a run that has not ended, with what its worker had spent; returns the rows afterwards. A
 * later run, begun meanwhile, keeps its own.
 */
export async function endUnfinished(
  storage: Storage,
  { jobId, run }: Pick<JobRow, 'jobId' | 'run'>,
  status: 'failed' | 'cancelled',
  error: ErrorDescription,
) {
  const { artifacts, repositories, now } = storage;
  const unfinished = (await readRows(storage, jobId)).filter((row) => !isEnded(row.status));
  await inParallel(unfinished, PARALLEL, async (row) => {
    const { repositoryName } = row;
    const end: RepositoryEnd = {
      ...(await spentSoFar(artifacts, jobId, repositoryName, row.run)),
      status,
      ...(status === 'failed' && { outcome: 'failed' as const }),
      completedAt: now(),
      error,
    };
    await repositories.endUnfinished(jobId, repositoryName, run, withEarlierRuns(end, row));
  });
  return readRows(storage, jobId);
}
