import type { z } from 'zod';
import { sentence } from '../../core/errors.ts';
import { CaughtError, RepositoryInput } from '../../core/execution.ts';
import type { RepositoryUpdate } from '../../core/store/repository-table.ts';
import { type BatchFailure, describeBatchFailure } from '../caught-error.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { endByOutcome, outcomeLeftBy, spentSoFar, withEarlierRuns } from '../run/repository-end.ts';

export const Input = RepositoryInput.extend({ error: CaughtError });

/** Ends a repository whose Batch job failed, or whose result could not be recorded. */
export async function recordFailure(
  { jobId, repositoryName, run, error }: z.infer<typeof Input>,
  context: Context,
): Promise<void> {
  const { artifacts, repositories, now } = context;
  const failure = describeBatchFailure(error);
  const { reason, exitCode, ...batch } = failure;
  const row = await repositories.get(jobId, repositoryName);
  const ofRun = { jobId, repositoryName, run };
  // The worker may have been killed after it wrote its outcome.
  const outcome = await outcomeLeftBy(artifacts, ofRun);
  const end: RepositoryUpdate = outcome
    ? await endByOutcome(context, outcome, row)
    : withEarlierRuns(
        {
          ...(await spentSoFar(artifacts, ofRun)),
          status: 'failed',
          outcome: 'failed',
          completedAt: now(),
          error: { name: 'WorkerLostError', message: lossOf(failure) },
        },
        row,
      );
  await repositories.end(jobId, repositoryName, run, { ...end, ...batch });
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
