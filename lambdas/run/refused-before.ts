import { inParallel } from '../../core/in-parallel.ts';
import type { ErrorDescription, JobRow } from '../../core/job.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import type { Context } from '../context.ts';

/** Ends repositories of a run that no work was begun on, each with its reason; they cost nothing in this run. */
export async function refuseBefore(
  { repositories, now }: Context,
  { jobId, run }: Pick<JobRow, 'jobId' | 'run'>,
  refused: ReadonlyMap<string, ErrorDescription>,
): Promise<void> {
  await inParallel([...refused], PARALLEL, async ([repositoryName, error]) => {
    await repositories.endUnfinished(jobId, repositoryName, run, {
      ...{ status: 'failed', outcome: 'failed', completedAt: now(), error, turns: 0 },
      // What earlier runs had cost stays on the row.
      ...(run === 1 && { costUsd: 0 }),
    });
  });
}
