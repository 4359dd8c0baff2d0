import { z } from 'zod';
import { parseBatchJobName } from '../../core/execution.ts';
import { RepositoryName } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';

/** "Batch Job State Change", as EventBridge delivers it: https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html */
export const Input = z.object({
  'detail-type': z.literal('Batch Job State Change'),
  time: z.iso.datetime(),
  detail: z.object({
    jobId: z.string(),
    jobName: z.string(),
    status: z.string(),
    /** Epoch milliseconds: when the attempt went from STARTING to RUNNING. */
    startedAt: z.int().optional(),
    parameters: z.record(z.string(), z.string()).nullish(),
    container: z.object({ logStreamName: z.string().nullish() }).nullish(),
  }),
});

/**
 * Says on the repository's row since when its Batch job runs, and where its log is; until then it is only submitted.
 * EventBridge delivers at least once and in any order, and others may use the queue: what is late or foreign changes
 * nothing.
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
