import type { RunId } from '../../core/execution.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { type ErrorDescription, isEnded } from '../../core/job.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import { type RepositoryUpdate, withEarlierRuns } from '../../core/store/row-end.ts';
import type { Context } from '../context.ts';
import { logger } from '../logger.ts';
import { reportDamagedRow } from './damaged-row.ts';
import { measureEnd } from './measure-end.ts';
import { endByOutcome, outcomeLeftBy, spentSoFar } from './repository-end.ts';
import { type CountedRow, type JobRows, readAgain, readRows } from './rows.ts';

/** The status and error of repositories that have not ended when their run ends. */
export type RunEnd = { status: 'failed' | 'cancelled'; error: ErrorDescription };

export const CANCELLED: RunEnd = {
  status: 'cancelled',
  error: { name: 'JobCancelled', message: 'The job was cancelled before this repository ended.' },
};

/**
 * Ends every repository of a run that has not ended: by the outcome that its worker wrote, or else with `end` and the
 * usage of its last checkpoint. Changes no row of a later run. Returns the job's rows as they are afterwards.
 */
export async function endUnfinished({ jobId, run }: RunId, end: RunEnd, context: Context): Promise<JobRows> {
  const before = await readRows(jobId, context);
  const changed = await takeBackFutureRuns({ jobId, run }, before.rows, context);
  await inParallel(before.rows, PARALLEL, async (row) => {
    if (row.asWritten) await normaliseStatus(jobId, row, context);
    if (row.asWritten || !isEnded(row.status)) changed.add(row.repositoryName);
    if (isEnded(row.status)) return;
    const update = await updateOf({ jobId, run }, row, end, context);
    // A pending repository has had no worker in this run.
    const hasStarted = row.status !== 'pending';
    const { repositoryName } = row;
    if (await context.repositories.endUnfinished(jobId, repositoryName, run, update, { hasStarted }))
      measureEnd({ jobId, repositoryName }, update);
  });
  return readAgain(jobId, before, [...changed], context);
}

/**
 * Gives this run the rows whose run is after the job's newest run. Such a number was written by hand, and no run would
 * ever end the row. Returns the names of these rows.
 */
async function takeBackFutureRuns(
  { jobId, run }: RunId,
  rows: readonly CountedRow[],
  { jobs, repositories }: Context,
): Promise<Set<string>> {
  const changed = new Set<string>();
  if (!rows.some((row) => isInvalidRun(runOf(row), run))) return changed;
  const newest = (await jobs.find(jobId))?.run ?? Number.POSITIVE_INFINITY;
  await inParallel(rows, PARALLEL, async (row) => {
    const written = runOf(row);
    if (!isInvalidRun(written, newest)) return;
    logger.warn(
      `The row of ${row.repositoryName} is of run ${written}; the newest run of its job is ${newest}`,
    );
    changed.add(row.repositoryName);
    if (await repositories.respellRun(jobId, row.repositoryName, written, run)) row.run = run;
  });
  return changed;
}

/** The number in the row, valid or not; 0, which any run may take, if it has none. */
function runOf({ run = 0, asWritten }: CountedRow): number {
  return typeof asWritten?.run === 'number' ? asWritten.run : run;
}

function isInvalidRun(written: number, newest: number): boolean {
  return written > newest || !Number.isInteger(written);
}

/** The conditions of later writes do not match a status that was edited by hand, such as `FAILED`. */
async function normaliseStatus(
  jobId: string,
  { repositoryName, status, asWritten = {} }: CountedRow,
  { repositories, now }: Context,
): Promise<void> {
  reportDamagedRow({ jobId, repositoryName }, asWritten);
  if ('status' in asWritten && status !== 'unknown')
    await repositories.respellStatus(jobId, repositoryName, status, now());
}

async function updateOf(
  job: RunId,
  row: CountedRow,
  end: RunEnd,
  context: Context,
): Promise<RepositoryUpdate> {
  const { artifacts, now } = context;
  const { repositoryName, run = job.run, attempts = 0 } = row;
  // A pending repository has no artifacts of this run.
  const ofRun = row.status === 'pending' ? undefined : { jobId: job.jobId, repositoryName, run };
  const outcome = ofRun && (await outcomeLeftBy(artifacts, ofRun));
  if (outcome)
    return { ...(await endByOutcome(context, outcome, row)), attempts: attempts + outcome.attempt };
  const usage = ofRun ? await spentSoFar(artifacts, ofRun) : {};
  return withEarlierRuns(
    {
      ...usage,
      status: end.status,
      outcome: end.status === 'failed' ? 'failed' : undefined,
      completedAt: now(),
      error: end.error,
    },
    row,
  );
}
