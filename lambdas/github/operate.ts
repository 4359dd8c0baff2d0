import type { Octokit } from '@octokit/rest';
import { type JobRow, parseRepositoryName } from '../../core/job.ts';
import type { PullRequestOperation } from '../../core/pull-request-operation.ts';
import type { PullRequestRecord, RepositoryResult } from '../../core/repository-result.ts';
import type { RunRequest } from '../../core/run-request.ts';
import type { Settings } from '../../core/settings.ts';
import type { Repository } from './base.ts';
import { openGitHub, openReader } from './client.ts';
import { commentOnce, marked } from './comments.ts';
import { mergeOnceGreen, mergePullRequest } from './merge.ts';
import { closePullRequest, endOf, type PullJson, pullRequestOf } from './pull-request.ts';
import { requestReviews } from './reviewers.ts';
import { plainText } from './untrusted-text.ts';

/** What is done with an open pull request, besides `open` and `rebase`, which publish its change. */
export type Operation = Exclude<PullRequestOperation, 'open' | 'rebase'>;

type Subject = {
  job: JobRow;
  run: number;
  row: RepositoryResult;
  request: RunRequest;
  settings: Settings;
};

const MAX_COMMENT = 10_000;

/** Does it, and returns what changes in the record of the pull request. Safe to run again. */
export async function operate(
  operation: Operation,
  { job, run, row, request, settings }: Subject,
): Promise<Partial<PullRequestRecord>> {
  const { jobId } = job;
  const number = row.pullRequestNumber!;
  const repositoryName = row.pullRequest!.renamedTo ?? row.repositoryName;
  const { owner, name: repo } = parseRepositoryName(repositoryName);
  const repository = { owner, repo };
  const github = await openGitHub(settings, repositoryName, 'write');
  const comment = plainText(request.comment ?? `Closed by the job ${jobId}.`, MAX_COMMENT);
  switch (operation) {
    case 'close':
      return endOf(
        await closePullRequest(github, repository, number, {
          comment: marked(comment, jobId, `close ${run}`),
        }),
      );
    case 'comment':
      await commentOnce(github, repository, number, marked(comment, jobId, `comment ${run}`));
      return {};
    case 'requestReviews': {
      const wanted = request.publishAs?.reviewers ?? job.pullRequest?.reviewers ?? [];
      const warnings = await askAgain(github, repository, number, wanted);
      return { warnings: warnings.length > 0 ? warnings : undefined };
    }
    default: {
      const clients = { github, reader: await openReader(settings, repositoryName) };
      const method = request.mergeMethod ?? 'squash';
      const merge = { repositoryName, number, commitSha: row.pullRequest!.commitSha, method };
      return operation === 'merge'
        ? mergePullRequest(clients, repository, merge)
        : mergeOnceGreen(clients, repository, merge);
    }
  }
}

async function askAgain(
  github: Octokit,
  repository: Repository,
  number: number,
  wanted: readonly string[],
): Promise<string[]> {
  const { data } = await github.rest.pulls.get({ ...repository, pull_number: number });
  const { reviewers, state } = pullRequestOf(data as PullJson, repository.owner);
  if (state !== 'open') return [];
  return requestReviews(github, repository, { number, reviewers, author: data.user.login }, wanted);
}
