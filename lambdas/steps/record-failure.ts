import type { z } from 'zod';
import { artifactKeys } from '../../core/artifacts.ts';
import { CaughtError, RepositoryInput } from '../../core/execution.ts';
import { Outcome } from '../../core/outcome.ts';
import type { RepositoryEnd } from '../../core/repository-table.ts';
import { describeBatchFailure } from '../batch-cause.ts';
import { functionHandler } from '../function-handler.ts';
import { changeSetDigest } from '../recorded-change-set.ts';
import { repositoryEnd, spentSoFar, withEarlierRuns } from '../repository-end.ts';
import type { Storage } from '../storage.ts';

export const Input = RepositoryInput.extend({ error: CaughtError });

/** Ends a repository whose Batch job failed, or whose result could not be recorded, with all that is known of it. */
export async function recordFailure(
  { jobId, repositoryName, run, error }: z.infer<typeof Input>,
  { artifacts, repositories, now }: Storage,
): Promise<void> {
  const { reason, exitCode, ...batch } = describeBatchFailure(error);
  const row = await repositories.get(jobId, repositoryName);
  // The worker may have written its outcome and been killed after it: what was paid for counts.
  const outcome = await outcomeOf(run, await artifacts.read(artifactKeys.outcome(jobId, repositoryName)));
  const end: RepositoryEnd = outcome
    ? {
        ...repositoryEnd(outcome),
        ...(await changeSetDigest(artifacts, { jobId, repositoryName, outcome: outcome.outcome })),
      }
    : {
        ...(await spentSoFar(artifacts, jobId, repositoryName, run)),
        status: 'failed',
        outcome: 'failed',
        completedAt: now(),
        error: {
          name: 'WorkerLostError',
          message: `The worker ended without an outcome${exitCode === undefined ? '' : ` (exit code ${exitCode})`}: ${reason}. Its log says more${batch.logStream ? `: ${batch.logStream}` : ''}. Retry the job to run it again.`,
        },
      };
  await repositories.end(jobId, repositoryName, run, { ...withEarlierRuns(end, row), ...batch });
}

async function outcomeOf(run: number, body: Buffer | undefined): Promise<Outcome | undefined> {
  const parsed = body && Outcome.safeParse(JSON.parse(body.toString()));
  return parsed?.success && parsed.data.run === run && parsed.data.outcome !== 'throttled'
    ? parsed.data
    : undefined;
}

export const handler = functionHandler(Input, recordFailure);
