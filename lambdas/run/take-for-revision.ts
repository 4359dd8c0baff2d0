import type { RunId } from '../../core/execution.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { ErrorDescription } from '../../core/job.ts';
import { type RepositoryResult, WORKING_ATTRIBUTES } from '../../core/repository-result.ts';
import type { RunRequest } from '../../core/run-request.ts';
import { writeArtifact } from '../../core/store/artifacts.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import type { Context } from '../context.ts';
import { openReader, readerId } from '../github/client.ts';
import { askPullRequests } from '../github/graphql.ts';
import { findingsOf, findRepairs, REPAIRABLE_ATTRIBUTES, withoutLimit } from './repairable.ts';

const NEEDED = [
  ...['jobId', 'repositoryName', 'status', 'run', 'resultRun', 'artifacts', 'tokenUsage', 'costUsd'],
  ...['pullRequest', 'pullRequestNumber'],
  ...WORKING_ATTRIBUTES,
] as (keyof RepositoryResult)[];

/** Each reads up to three logs. */
const PARALLEL_LOGS = 4;

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

/**
 * The same for a repair: takes what there is to mend by now, and leaves the others as they are. Each taken row has the round,
 * and an artifact of the run has what the worker gets.
 */
export async function takeForRepair(
  { jobId, run, asked }: RunId & Pick<RunRequest, 'asked'>,
  names: readonly string[],
  context: Context,
): Promise<void> {
  const { repositories, artifacts, now } = context;
  const job = await context.jobs.getWhole(jobId);
  const attributes = [...new Set([...NEEDED, ...REPAIRABLE_ATTRIBUTES])];
  const rows = await repositories.getMany(jobId, names, attributes);
  const byName = new Map(rows.map((row) => [row.repositoryName, row]));
  const repairs = await findRepairs(rows, asked ? withoutLimit(job) : job, context);
  await inParallel(repairs, PARALLEL_LOGS, async (repair) => {
    const row = byName.get(repair.name)!;
    const { findings } = runArtifactKeys({ jobId, repositoryName: repair.name, run });
    await writeArtifact(artifacts, findings, await findingsOf(repair, run, context));
    const rounds = [...(row.repairs ?? []), { run, ...repair.round }];
    await repositories.resetForRevision(row, run, now(), { repairs: rounds });
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
