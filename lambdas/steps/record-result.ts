import { z } from 'zod';
import { WorkerLostError } from '../../core/errors.ts';
import { RepositoryInput } from '../../core/execution.ts';
import { readArtifact } from '../../core/store/artifacts.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { measure } from '../metrics.ts';
import { measureEnd } from '../run/measure-end.ts';
import { endByOutcome, isOf, RecordableOutcome } from '../run/repository-end.ts';

/** `startedAt` is in epoch milliseconds; executions of an earlier deployment do not pass it. */
export const Input = RepositoryInput.extend({
  batch: z.object({ jobId: z.string(), startedAt: z.int().optional() }),
});

/**
 * Attempts that a repository may lose to a throttled model before it fails. With pauses of a minute or more, and two minutes
 * of retries in each attempt, these are at least 5 hours.
 */
const MAX_THROTTLED_ATTEMPTS = 100;
const MAX_WAIT_MS = 24 * 3600 * 1000;
/** The same for service errors, whose partial answers are billed: about an hour and a half. */
const MAX_UNAVAILABLE_ATTEMPTS = 30;

/** Ends the repository by its worker's outcome, or returns when the next attempt of a throttled one may start. */
export async function recordResult(
  { jobId, repositoryName, run, batch }: z.infer<typeof Input>,
  context: Context,
): Promise<{ throttled: boolean; resumeAt: string | null }> {
  const { artifacts, repositories, now } = context;
  const { outcome: key } = runArtifactKeys({ jobId, repositoryName, run });
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
    measure({ values: { ThrottledRepositories: 1 }, about: { jobId, repositoryName } });
    return { throttled: true, resumeAt };
  }
  const end = await endByOutcome(context, outcome, row);
  const ended = await repositories.end(jobId, repositoryName, run, {
    ...end,
    attempts: attempts + outcome.attempt,
    batchJobId: batch.jobId,
    ...(batch.startedAt && { startedAt: new Date(batch.startedAt).toISOString() }),
  });
  if (ended) measureEnd({ jobId, repositoryName }, end);
  // The job was deleted in the meantime; without its row, the diff would never be removed.
  if (!ended && !(await repositories.find(jobId, repositoryName)))
    await repositories.removeDiff(jobId, repositoryName);
  return { throttled: false, resumeAt: null };
}

/** The worker's `resumeAt`, limited to a day from now: it is untrusted, and the state machine fails on an invalid time. */
function resumption(asked: string | undefined, now: string): string {
  const at = asked === undefined ? Number.NaN : Date.parse(asked);
  if (Number.isNaN(at)) return now;
  return new Date(Math.min(at, Date.parse(now) + MAX_WAIT_MS)).toISOString();
}

export const handler = functionHandler(Input, recordResult);
