import { inParallel } from '../../core/in-parallel.ts';
import { type ErrorDescription, isEnded, type JobRow } from '../../core/job.ts';
import { PARALLEL, type RepositoryUpdate } from '../../core/store/repository-table.ts';
import { describeAsWritten } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { logger } from '../logger.ts';
import { endByOutcome, outcomeLeftBy, spentSoFar, withEarlierRuns } from './repository-end.ts';
import { type CountedRow, readRows } from './totals.ts';

/** What a repository's row says that did not end before its job was cancelled. */
export const JOB_CANCELLED: ErrorDescription = {
  name: 'JobCancelled',
  message: 'The job was cancelled before this repository ended.',
};

/**
 * Ends every repository of a run that has not ended, by the outcome that its worker wrote, else with what that had spent;
 * returns the rows afterwards. A later run, begun meanwhile, keeps its own.
 */
export async function endUnfinished(
  context: Context,
  { jobId, run }: Pick<JobRow, 'jobId' | 'run'>,
  status: 'failed' | 'cancelled',
  error: ErrorDescription,
) {
  const rows = await withRunsThatWere(context, { jobId, run }, await readRows(context, jobId));
  await inParallel(rows, PARALLEL, async (row) => {
    if (row.asWritten) await spellAsWeDo(context, jobId, row);
    if (isEnded(row.status)) return;
    const end = await endOf(context, { jobId, run }, row, { status, error });
    await context.repositories.endUnfinished(jobId, row.repositoryName, run, end);
  });
  return readRows(context, jobId);
}

/**
 * The rows, after those of a run that the job has not come to were given to this one: somebody wrote that, and no run would
 * ever end them. A later run that has begun meanwhile keeps its own.
 */
async function withRunsThatWere(
  { jobs, repositories }: Context,
  { jobId, run }: Pick<JobRow, 'jobId' | 'run'>,
  rows: CountedRow[],
): Promise<CountedRow[]> {
  if (!rows.some((row) => isStrange(runOf(row), run))) return rows;
  const newest = (await jobs.find(jobId))?.run ?? Number.POSITIVE_INFINITY;
  await inParallel(rows, PARALLEL, async (row) => {
    const written = runOf(row);
    if (!isStrange(written, newest)) return;
    logger.warn(`The row of ${row.repositoryName} is of run ${written}, and its job is at run ${newest}`);
    if (await repositories.respellRun(jobId, row.repositoryName, written, run)) row.run = run;
  });
  return rows;
}

/** The number that the row holds, whatever number that is; 0 where it holds none, which any run can take. */
function runOf({ run = 0, asWritten }: CountedRow): number {
  return typeof asWritten?.run === 'number' ? asWritten.run : run;
}

function isStrange(written: number, newest: number): boolean {
  return written > newest || !Number.isInteger(written);
}

/** A status that somebody wrote by hand is no status to the conditions of later writes. */
async function spellAsWeDo(
  { repositories, now }: Context,
  jobId: string,
  { repositoryName, status, asWritten = {} }: CountedRow,
): Promise<void> {
  logger.warn(`The row of ${repositoryName} holds what this version does not write`, {
    asWritten: describeAsWritten(asWritten),
  });
  if ('status' in asWritten && status !== 'unknown')
    await repositories.respellStatus(jobId, repositoryName, status, now());
}

async function endOf(
  context: Context,
  job: Pick<JobRow, 'jobId' | 'run'>,
  row: CountedRow,
  otherwise: { status: 'failed' | 'cancelled'; error: ErrorDescription },
): Promise<RepositoryUpdate> {
  const { artifacts, now } = context;
  const { repositoryName, run = job.run, attempts = 0 } = row;
  // What is pending has no worker in this run, and so nothing that one wrote.
  const ofRun = row.status === 'pending' ? undefined : { jobId: job.jobId, repositoryName, run };
  const outcome = ofRun && (await outcomeLeftBy(artifacts, ofRun));
  if (outcome)
    return { ...(await endByOutcome(context, outcome, row)), attempts: attempts + outcome.attempt };
  const end: RepositoryUpdate = {
    ...(ofRun && (await spentSoFar(artifacts, ofRun))),
    status: otherwise.status,
    ...(otherwise.status === 'failed' && { outcome: 'failed' }),
    completedAt: now(),
    error: otherwise.error,
  };
  return withEarlierRuns(end, row);
}
