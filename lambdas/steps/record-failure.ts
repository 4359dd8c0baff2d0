import type { z } from 'zod';
import { sentence } from '../../core/errors.ts';
import { CaughtError, CONDITION_FAILED, RepositoryInput } from '../../core/execution.ts';
import type { ErrorDescription } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { type RepositoryUpdate, withEarlierRuns } from '../../core/store/row-end.ts';
import type { RunOfRepository } from '../../core/store/run-artifact-keys.ts';
import { type BatchFailure, describeBatchFailure } from '../caught-error.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { measure } from '../metrics.ts';
import { measureEnd } from '../run/measure-end.ts';
import { endByOutcome, outcomeLeftBy, spentSoFar } from '../run/repository-end.ts';

export const Input = RepositoryInput.extend({ error: CaughtError });

const STOPPED: ErrorDescription = {
  name: 'JobStopped',
  message:
    'The job was stopped before this repository started: it was cancelled, had reached its maxCostUsd, or its key or model was refused.',
};

/** Ends a repository that was not admitted, whose Batch job failed, or whose result could not be recorded. */
export async function recordFailure(
  { jobId, repositoryName, run, error }: z.infer<typeof Input>,
  context: Context,
): Promise<void> {
  const { repositories, now } = context;
  const row = await repositories.get(jobId, repositoryName);
  // Only AdmitRepository passes this error on: the job was stopped.
  if (error.Error === CONDITION_FAILED) {
    const end = withEarlierRuns({ status: 'cancelled', completedAt: now(), error: STOPPED }, row);
    if (await repositories.end(jobId, repositoryName, run, end, { hasStarted: false }))
      measureEnd({ jobId, repositoryName }, end);
    return;
  }
  const failure = describeBatchFailure(error);
  const { reason, exitCode, ...batch } = failure;
  if (failure.batchJobId) measure({ values: { FailedWorkers: 1 }, about: { jobId, repositoryName } });
  const end = await endOfLost({ jobId, repositoryName, run }, lossOf(failure), row, context);
  if (await repositories.end(jobId, repositoryName, run, { ...end, ...batch }))
    measureEnd({ jobId, repositoryName }, end);
}

/** The worker may have been killed after it wrote its outcome. */
async function endOfLost(
  of: RunOfRepository,
  message: string,
  row: RepositoryResult,
  context: Context,
): Promise<RepositoryUpdate> {
  const outcome = await outcomeLeftBy(context.artifacts, of);
  if (outcome) return endByOutcome(context, outcome, row);
  const lost: RepositoryUpdate = {
    ...(await spentSoFar(context.artifacts, of)),
    status: 'failed',
    outcome: 'failed',
    completedAt: context.now(),
    error: { name: 'WorkerLostError', message },
  };
  return withEarlierRuns(lost, row);
}

function lossOf({ batchJobId, reason, exitCode, logStream, startedAt }: BatchFailure): string {
  const retry = 'Retry the job to run this repository again.';
  const why = sentence(reason);
  if (!batchJobId) return `The result of the repository could not be recorded. ${why} ${retry}`;
  // A job that ended while it was queued has no log.
  if (!startedAt && !logStream && exitCode === undefined) return `No worker was started. ${why} ${retry}`;
  const code = exitCode === undefined ? '' : ` (exit code ${exitCode})`;
  const log = logStream ? ` Its log stream is ${logStream}.` : '';
  return `The worker ended without an outcome${code}. ${why}${log} ${retry}`;
}

export const handler = functionHandler(Input, recordFailure);
