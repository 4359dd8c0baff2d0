import type { z } from 'zod';
import { ExecutionInput } from '../../core/execution.ts';
import { required } from '../../core/settings.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { endBatchJobs } from '../run/end-batch-jobs.ts';
import { Executions } from '../run/executions.ts';

export const Input = ExecutionInput;

/** Fargate gives a worker 30 s to stop, and reports its end some seconds later. */
const TERMINATION_WAIT_MS = 60_000;

/**
 * Removes everything of a deleted job except its tombstone: its execution, workers, rows, diffs and artifacts. Safe to run
 * again, also concurrently.
 */
export async function removeJob({ jobId, run }: z.infer<typeof Input>, context: Context): Promise<void> {
  const { jobs, repositories, artifacts, settings } = context;
  const deletion = await jobs.deletion(jobId);
  if (deletion?.run !== run || deletion.isDone) return;
  const reason = 'The job was deleted.';
  await new Executions(settings).stop({ jobId, run: run - 1 }, reason);
  // The workers of all runs, since a running worker would write artifacts again.
  const left = await endBatchJobs(required(settings, 'JOB_QUEUE'), `${jobId}-`, reason, TERMINATION_WAIT_MS);
  if (left.length > 0)
    throw new Error(
      `${left.length} Batch jobs of ${jobId} have not ended yet, such as ${left[0]}. This step is retried.`,
    );
  await repositories.removeAll(jobId);
  await artifacts.removeAll(artifactKeys.job(jobId));
  await jobs.remove(jobId, run);
}

export const handler = functionHandler(Input, removeJob);
