import { z } from 'zod';
import { WorkerLostError } from '../../core/errors.ts';
import { RepositoryInput } from '../../core/execution.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { readArtifact } from '../../core/store/artifacts.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { endByOutcome, isOf, RecordableOutcome } from '../run/repository-end.ts';

/** `startedAt` in epoch milliseconds, as Batch has it; an execution of an earlier deployment does not pass it on. */
export const Input = RepositoryInput.extend({
  batch: z.object({ jobId: z.string(), startedAt: z.int().optional() }),
});

/**
 * How often a repository may pause for a throttled model before it fails. With pauses of a minute or more, and two
 * minutes of the SDK's own retries in each attempt, this is at least 5 hours.
 */
const MAX_THROTTLED_ATTEMPTS = 100;
const LONGEST_WAIT_MS = 24 * 3600 * 1000;
/** The same for a model's service that fails or breaks its answers off, which are paid: about an hour and a half. */
const MAX_UNAVAILABLE_ATTEMPTS = 30;

/** Turns the worker's outcome into the row; or says when a throttled repository goes on. */
export async function recordResult(
  { jobId, repositoryName, run, batch }: z.infer<typeof Input>,
  context: Context,
): Promise<{ throttled: boolean; resumeAt: string | null }> {
  const { artifacts, repositories, now } = context;
  const key = artifactKeys.outcome(jobId, repositoryName);
  const outcome = await readArtifact(artifacts, key, RecordableOutcome);
  if (outcome.run !== run) {
    throw new WorkerLostError(
      `The Batch job ${batch.jobId} exited 0, but the outcome is of run ${outcome.run}, not ${run}.`,
    );
  }
  if (!isOf(outcome, { jobId, repositoryName })) {
    throw new WorkerLostError(
      `The Batch job ${batch.jobId} exited 0, but the outcome is of ${outcome.repositoryName} of ${outcome.jobId}.`,
    );
  }
  const row = await repositories.get(jobId, repositoryName);
  const { attempts = 0 } = row;
  const maxAttempts = outcome.error ? MAX_UNAVAILABLE_ATTEMPTS : MAX_THROTTLED_ATTEMPTS;
  if (outcome.outcome === 'throttled' && attempts < maxAttempts) {
    const resumeAt = resumption(outcome.resumeAt, now());
    await repositories.recordModelWait(jobId, repositoryName, {
      attempts: attempts + outcome.attempt,
      waiting: { until: resumeAt, times: attempts + outcome.attempt, reason: outcome.summary },
      at: now(),
    });
    return { throttled: true, resumeAt };
  }
  const ended = await repositories.end(jobId, repositoryName, run, {
    ...(await endByOutcome(context, outcome, row)),
    attempts: attempts + outcome.attempt,
    batchJobId: batch.jobId,
    ...(batch.startedAt && { startedAt: new Date(batch.startedAt).toISOString() }),
  });
  // A diff without its row would stay: the job was deleted meanwhile.
  if (!ended && !(await repositories.find(jobId, repositoryName)))
    await repositories.removeDiff(jobId, repositoryName);
  return { throttled: false, resumeAt: null };
}

/** What a worker asks for, within a day from now: the state machine fails on what is not a time, and waits for any that is. */
function resumption(asked: string | undefined, now: string): string {
  const at = asked === undefined ? Number.NaN : Date.parse(asked);
  if (Number.isNaN(at)) return now;
  return new Date(Math.min(at, Date.parse(now) + LONGEST_WAIT_MS)).toISOString();
}

export const handler = functionHandler(Input, recordResult);
