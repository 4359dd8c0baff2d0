import { z } from 'zod';
import { parseBatchJobName } from '../../core/execution.ts';
import { RepositoryName } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';

/** EventBridge's "Batch Job State Change": https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html */
export const Input = z.object({
  'detail-type': z.literal('Batch Job State Change'),
  time: z.iso.datetime(),
  detail: z.object({
    jobId: z.string(),
    jobName: z.string(),
    status: z.string(),
    /** Epoch milliseconds of the attempt's change from STARTING to RUNNING. */
    startedAt: z.int().optional(),
    parameters: z.record(z.string(), z.string()).nullish(),
    container: z.object({ logStreamName: z.string().nullish() }).nullish(),
  }),
});

/**
 * Records the start of the Batch job and its log stream on the repository's row. EventBridge delivers at least once and in
 * any order, and other users may share the queue: late and foreign events change nothing.
 */
export async function batchJobRunning(
  { detail, time }: z.infer<typeof Input>,
  { repositories, now }: Context,
): Promise<void> {
  const run = parseBatchJobName(detail.jobName);
  const { jobId, repositoryName } = detail.parameters ?? {};
  const isOurs = run !== undefined && run.jobId === jobId && RepositoryName.safeParse(repositoryName).success;
  if (detail.status !== 'RUNNING' || !isOurs) return;
  await repositories.recordRunning(jobId, repositoryName!, run.run, {
    startedAt: new Date(detail.startedAt ?? time).toISOString(),
    batchJobId: detail.jobId,
    logStream: detail.container?.logStreamName ?? undefined,
    updatedAt: now(),
  });
}

export const handler = functionHandler(Input, batchJobRunning);
