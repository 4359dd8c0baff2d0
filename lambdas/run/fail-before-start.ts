import type { RunId } from '../../core/execution.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { ErrorDescription } from '../../core/job.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import type { Context } from '../context.ts';
import { measureEnd } from './measure-end.ts';

/** Fails repositories that no worker was started for, each with its own error. They cost nothing in this run. */
export async function failBeforeStart(
  { jobId, run }: RunId,
  errors: ReadonlyMap<string, ErrorDescription>,
  { repositories, now }: Context,
): Promise<void> {
  await inParallel([...errors], PARALLEL, async ([repositoryName, error]) => {
    const end = {
      status: 'failed' as const,
      outcome: 'failed' as const,
      completedAt: now(),
      error,
      turns: 0,
      // The costs of earlier runs stay on the row.
      costUsd: run === 1 ? 0 : undefined,
    };
    if (await repositories.endUnfinished(jobId, repositoryName, run, end, { hasStarted: false }))
      measureEnd({ jobId, repositoryName }, end);
  });
}
