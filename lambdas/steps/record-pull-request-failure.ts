import type { z } from 'zod';
import { CaughtError, PullRequestInput } from '../../core/execution.ts';
import { describeFunctionError } from '../caught-error.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';

export const Input = PullRequestInput.extend({ error: CaughtError });

/**
 * Says on the row why there is no pull request, or why the one there is does not show the newest change; the analysis
 * keeps its status.
 */
export async function recordPullRequestFailure(
  { jobId, repositoryName, error }: z.infer<typeof Input>,
  { repositories, now }: Context,
): Promise<void> {
  const { pullRequest, pullRequestNumber } = await repositories.get(jobId, repositoryName);
  const known = pullRequestNumber === undefined ? undefined : pullRequest;
  await repositories.recordPullRequest(jobId, repositoryName, now(), {
    pullRequest: {
      ...(known ? { ...known, checkedAt: now() } : { state: 'failed' }),
      error: describeFunctionError(error),
    },
  });
}

export const handler = functionHandler(Input, recordPullRequestFailure);
