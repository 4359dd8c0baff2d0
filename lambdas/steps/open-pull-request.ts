import type { z } from 'zod';
import { artifactKeys, readArtifact } from '../../core/artifacts.ts';
import { ChangeSet } from '../../core/change-set.ts';
import { PullRequestInput } from '../../core/execution.ts';
import { functionHandler } from '../function-handler.ts';
import { openGitHub, rateLimitedUntil } from '../github/client.ts';
import { publishChangeSet } from '../github/publish.ts';
import type { Storage } from '../storage.ts';

export const Input = PullRequestInput;

/** Opens the pull request of a recorded change set; or says until when GitHub wants to be left alone. */
export async function openPullRequest(
  { jobId, repositoryName }: z.infer<typeof Input>,
  { artifacts, jobs, repositories, settings, now }: Storage,
): Promise<{ opened: boolean; at: string }> {
  const job = await jobs.get(jobId);
  const changeSet = await readArtifact(artifacts, artifactKeys.changeSet(jobId, repositoryName), ChangeSet);
  try {
    const { branch, url, number, state } = await publishChangeSet(await openGitHub(settings), {
      job,
      repositoryName,
      changeSet,
    });
    await repositories.recordPullRequest(jobId, repositoryName, now(), {
      pullRequest: { state },
      branch,
      pullRequestUrl: url,
      pullRequestNumber: number,
    });
    return { opened: true, at: now() };
  } catch (error) {
    const until = rateLimitedUntil(error, Date.parse(now()));
    if (!until) throw error;
    return { opened: false, at: until };
  }
}

export const handler = functionHandler(Input, openPullRequest);
