import type { RunId } from '../../core/execution.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { ErrorDescription } from '../../core/job.ts';
import { type RepositoryResult, WORKING_ATTRIBUTES } from '../../core/repository-result.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import type { Context } from '../context.ts';
import { openReader, readerId } from '../github/client.ts';
import { askPullRequests } from '../github/graphql.ts';

const NEEDED = [
  ...['jobId', 'repositoryName', 'status', 'run', 'resultRun', 'artifacts', 'tokenUsage', 'costUsd'],
  ...['pullRequest', 'pullRequestNumber'],
  ...WORKING_ATTRIBUTES,
] as (keyof RepositoryResult)[];

/**
 * Makes the repositories of a revision pending again. One whose pull request has commits of others is left out before
 * anything is paid: the change could not be shown there. The row then has the reason.
 */
export async function takeForRevision(
  { jobId, run }: RunId,
  names: readonly string[],
  context: Context,
): Promise<void> {
  const { repositories, now } = context;
  const rows = await repositories.getMany(jobId, names, NEEDED);
  const foreign = await withOtherCommits(rows, context);
  await inParallel(rows, PARALLEL, async (row) => {
    const { repositoryName, status } = row;
    const error = foreign.get(repositoryName);
    if (error) {
      await repositories.recordNotRevised(row, run, error, now());
      return;
    }
    const isTaken = await repositories.resetForRevision(row, run, now());
    if (isTaken && status !== 'completed') await repositories.removeDiff(jobId, repositoryName);
  });
}

/** The repositories whose open pull request has another newest commit than this job's. */
async function withOtherCommits(
  rows: readonly RepositoryResult[],
  { settings }: Context,
): Promise<Map<string, ErrorDescription>> {
  const open = rows.flatMap(({ repositoryName, pullRequest, pullRequestNumber: number }) =>
    pullRequest?.state === 'open' && pullRequest.commitSha && number !== undefined
      ? [
          {
            name: repositoryName,
            repositoryName: pullRequest.renamedTo ?? repositoryName,
            number,
            commitSha: pullRequest.commitSha,
          },
        ]
      : [],
  );
  const foreign = new Map<string, ErrorDescription>();
  for (const group of Map.groupBy(open, ({ name }) => readerId(settings, name)).values()) {
    const github = await openReader(settings, group[0]!.name);
    for await (const [{ name, number, commitSha }, seen] of askPullRequests(github, group)) {
      const pull = seen?.pullRequest;
      if (pull?.state !== 'OPEN' || pull.headRefOid === commitSha) continue;
      foreign.set(name, {
        name: 'BranchHasOtherCommitsError',
        message: `The pull request #${number} of ${name} has the commit ${pull.headRefOid}, which this job did not make. The repository was not revised, and nothing was paid. Merge or close the pull request, or leave the repository out.`,
      });
    }
  }
  return foreign;
}
