import type { z } from 'zod';
import { CaughtError, PullRequestInput } from '../../core/execution.ts';
import { describeFunctionError } from '../caught-error.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { measure } from '../metrics.ts';

export const Input = PullRequestInput.extend({ error: CaughtError });

/**
 * Records on the row why no pull request was opened, or why the existing one was not updated. The status of the repository
 * stays.
 */
export async function recordPullRequestFailure(
  { jobId, repositoryName, error }: z.infer<typeof Input>,
  { repositories, now }: Context,
): Promise<void> {
  const { pullRequest, pullRequestNumber } = await repositories.get(jobId, repositoryName);
  const known = pullRequestNumber === undefined ? undefined : pullRequest;
  // The job was about to close it. A person who closes it later would not be taken for the job.
  const closedFor = known?.state === 'open' ? undefined : known?.closedFor;
  await repositories.recordPullRequest(jobId, repositoryName, now(), {
    pullRequest: {
      ...(known ? { ...known, closedFor, checkedAt: now() } : { state: 'failed' }),
      error: describeFunctionError(error),
    },
  });
  measure({ values: { PullRequestsFailed: 1 }, about: { jobId, repositoryName } });
}

export const handler = functionHandler(Input, recordPullRequestFailure);
