import { z } from 'zod';
import { PullRequestInput, type Slot } from '../../core/execution.ts';
import { readRunRequest } from '../../core/store/run-requests.ts';
import { checkWriteAccess, WriteAccessInput } from '../check-write-access.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { requirePublishable, touchesWorkflows } from '../github/change-set-rules.ts';
import { openGitHub } from '../github/client.ts';
import { credentialId } from '../github/credential.ts';
import { type Published, publishChangeSet } from '../github/publish.ts';
import { rateLimitedUntil } from '../github/rate-limit.ts';
import { explainRefusal } from '../github/refusal.ts';
import { readRecordedChangeSet } from '../run/recorded-change-set.ts';

export const Input = z.union([PullRequestInput, WriteAccessInput]);

/**
 * Opens the pull request of a recorded change set. If GitHub's rate limit refuses a call, returns the end of the limit as
 * `at`, and holds all slots of the credential until then; the state machine then reserves another slot.
 */
export async function openPullRequest(
  { jobId, repositoryName }: PullRequestInput,
  { artifacts, jobs, rateSlots, repositories, settings, now }: Context,
): Promise<Required<Slot>> {
  const job = await jobs.getWhole(jobId);
  const row = await repositories.get(jobId, repositoryName);
  const changeSet = await readRecordedChangeSet(artifacts, row);
  await requirePublishable(changeSet, job.settings, settings);
  try {
    const access = touchesWorkflows(changeSet) ? 'writeWorkflows' : 'write';
    const github = await openGitHub(settings, repositoryName, access);
    const publishAs = job.action === 'publish' ? (await readRunRequest(artifacts, job)).publishAs : undefined;
    const publication = { repositoryName, job, publishAs, row, changeSet, settings };
    const published = await publishChangeSet(github, publication);
    await repositories.recordPullRequest(jobId, repositoryName, now(), recordOf(published, row.run, now()));
    return { opened: true, at: now(), granted: true, ofJob: true };
  } catch (error) {
    const nowMs = Date.parse(now());
    const until = rateLimitedUntil(error, nowMs);
    if (until === undefined) throw explainRefusal(error, { jobId, repositoryName });
    await rateSlots.blockUntil(await credentialId(settings, repositoryName), until, nowMs);
    return { opened: false, at: new Date(until).toISOString(), granted: false, ofJob: true };
  }
}

function recordOf(published: Published, run: number | undefined, at: string) {
  const { branch, url, number, state, draft, commitSha, renamedTo, mergedAt, warnings } = published;
  return {
    branch,
    pullRequestUrl: url,
    pullRequestNumber: number,
    pullRequest: {
      state,
      draft,
      run,
      commitSha,
      renamedTo,
      mergedAt,
      checkedAt: at,
      ...(warnings.length > 0 && { warnings }),
    },
  };
}

export const handler = functionHandler(Input, async (input, context) =>
  'repositoryName' in input ? openPullRequest(input, context) : checkWriteAccess(input, context),
);
