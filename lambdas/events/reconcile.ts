import { z } from 'zod';
import { executionName, type RunId } from '../../core/execution.ts';
import { isEnded, isRunning, type JobRow } from '../../core/job.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { logger } from '../logger.ts';
import { settleReview } from '../run/await-review.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED, type RunEnd } from '../run/end-unfinished.ts';
import { Executions } from '../run/executions.ts';
import { measureQueue } from '../run/measure-queue.ts';
import { findMendedJob } from '../run/mended-job.ts';
import { reportStuckJob } from '../run/stuck-job.ts';
import { completeJob } from '../steps/complete-job.ts';
import { executionEnded } from './execution-ended.ts';

/** A schedule's event, whose content is not used. */
export const Input = z.looseObject({});

/** The newest jobs that are checked for unfinished repositories after their end: 2 MB, for a cent a day. */
const MAX_NEWEST_JOBS = 1000;

/** The oldest jobs that are checked for expiry. */
const MAX_OLDEST_JOBS = 1000;
/** Expired jobs that are deleted per invocation, since each may have 10,000 rows. The next invocation continues. */
const MAX_EXPIRIES = 10;

/**
 * Repairs jobs after lost events: starts an execution that was never started, ends a job whose execution has ended, and ends
 * unfinished repositories of an ended job, and finishes what a lost decision began. Then starts the deletion of expired jobs, and measures the queue. Safe to run at any time, also
 * concurrently. A job that cannot be repaired is logged and does not block the others.
 */
export async function reconcile(_event: z.infer<typeof Input>, context: Context): Promise<void> {
  const executions = new Executions(context.settings);
  for await (const jobId of unfinishedJobs(context)) {
    await attempt(`The job ${jobId} could not be repaired`, () => reconcileJob(jobId, executions, context));
    await attempt(`The job ${jobId} could not be looked at`, () => reportStuckJob(jobId, context));
  }
  for await (const deletion of context.jobs.deletions())
    await attempt(`The deletion of the job ${deletion.jobId} could not be restarted`, () =>
      deleteAgain(deletion, executions, context),
    );
  await deleteExpired(executions, context);
  await attempt('The queue could not be measured', () => measureQueue(context.settings, context.now()));
}

async function attempt(whatFails: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    logger.error(whatFails, error as Error);
    return false;
  }
}

/** Restarts a deletion whose execution was never started, or failed. */
async function deleteAgain({ jobId, run }: RunId, executions: Executions, { jobs }: Context): Promise<void> {
  const execution = await executions.describe({ jobId, run });
  if (execution === undefined) await executions.start({ jobId, run, action: 'delete' });
  else if (execution.status !== 'RUNNING' && (await jobs.deleteAgain(jobId, run)))
    await executions.start({ jobId, run: run + 1, action: 'delete' });
}

/** Jobs that cannot be deleted do not count towards the limit, so they do not block others. */
async function deleteExpired(executions: Executions, context: Context): Promise<void> {
  let begun = 0;
  for await (const jobId of context.jobs.expired(context.now(), MAX_OLDEST_JOBS)) {
    const isBegun = await attempt(`The expired job ${jobId} could not be deleted`, () =>
      deleteExpiredJob(jobId, executions, context),
    );
    if (isBegun) begun += 1;
    if (begun === MAX_EXPIRIES) return;
  }
}

/** Cancels the job if it runs, and deletes it as DELETE does. RemoveJob ends its execution and its workers. */
async function deleteExpiredJob(jobId: string, executions: Executions, context: Context): Promise<void> {
  const { jobs, control, now } = context;
  // The list came from the index, which may lag behind the table.
  const job = await findMendedJob(jobId, context);
  if (!job?.expiresAt || job.expiresAt > now()) return;
  const { run } = job;
  if (!isEnded(job.status)) {
    await jobs.cancel(jobId, run, now());
    await control.stop(jobId, run, 'cancelled');
  }
  if (!(await jobs.markDeleted(jobId, run, now()))) return;
  logger.info('An expired job is deleted', { jobId, expiresAt: job.expiresAt });
  // If the start fails, the next invocation restarts the deletion.
  await executions.start({ jobId, run: run + 1, action: 'delete' });
}

/**
 * Jobs that have not ended, and of the newest ended or waiting jobs those with unfinished repositories, with a decision that
 * was not finished, or with values edited by hand.
 */
async function* unfinishedJobs(context: Context): AsyncGenerator<string> {
  for (const status of ['pending', 'processing'] as const)
    for await (const { jobId } of pagesOf(context, { status })) yield jobId;
  let checked = 0;
  for await (const job of pagesOf(context, {})) {
    checked += 1;
    if (checked > MAX_NEWEST_JOBS) return;
    const isListedAbove = job.status === 'pending' || job.status === 'processing';
    if (job.asWritten || (!isListedAbove && (hasUnfinished(job) || job.reviewing))) yield job.jobId;
  }
}

async function* pagesOf(
  { jobs }: Context,
  query: { status?: 'pending' | 'processing' },
): AsyncGenerator<Readable<JobRow>> {
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<typeof jobs.list>> = await jobs.list({ ...query, limit: 100, cursor });
    yield* page.jobs;
    cursor = page.cursor;
  } while (cursor);
}

function hasUnfinished({ counts: { pending, processing, unknown = 0 } }: JobRow): boolean {
  return pending + processing + unknown > 0;
}

async function reconcileJob(jobId: string, executions: Executions, context: Context): Promise<void> {
  // The list came from the index, which may lag behind the table.
  const job = await findMendedJob(jobId, context);
  if (!job) return;
  if (!isRunning(job.status)) await settleLostReview(job, context);
  if (!isRunning(job.status) && !hasUnfinished(job)) return;
  const execution = await executions.describe(job);
  if (!isRunning(job.status)) await endWhatIsLeft(job, execution, executions, context);
  else if (execution === undefined) await executions.start(job);
  // CompleteJob ends a job before its execution succeeds, so the row was edited since. The repositories' rows have the result.
  else if (execution.status === 'SUCCEEDED') await completeJob(job, context);
  else if (execution.status !== 'RUNNING') await endLike(job, execution, context);
}

/** Longer than a request of the API can take, which settles its own decision. */
const REVIEW_LOST_MS = 2 * 60_000;

/** Gives a job the status that its decisions call for, if the request that recorded one of them was lost before that. */
async function settleLostReview({ jobId, reviewing }: JobRow, context: Context): Promise<void> {
  if (!reviewing || Date.parse(context.now()) - Date.parse(reviewing.since) < REVIEW_LOST_MS) return;
  await settleReview(jobId, context);
  await context.jobs.endReview(jobId, reviewing.mark);
}

type Execution = Awaited<ReturnType<Executions['describe']>>;

/** Finishes an interrupted cancel. The execution of a job that was ended by hand runs on to its own end. */
async function endWhatIsLeft(
  job: JobRow,
  execution: Execution,
  executions: Executions,
  context: Context,
): Promise<void> {
  const wasCancelled = job.status === 'cancelled';
  if (execution?.status === 'RUNNING') {
    if (!wasCancelled) return;
    await executions.stop(job, 'The job was cancelled.');
  }
  if (wasCancelled) await context.control.stop(job.jobId, job.run, 'cancelled');
  await cleanUpRun(job, wasCancelled ? CANCELLED : LEFT_BEHIND, context);
}

const LEFT_BEHIND: RunEnd = {
  status: 'failed',
  error: {
    name: 'WorkerLostError',
    message: 'The job ended before this repository did. Retry the job to run it again.',
  },
};

async function endLike(
  job: JobRow,
  { status, error, cause }: Exclude<Execution, undefined>,
  context: Context,
): Promise<void> {
  await executionEnded(
    {
      'detail-type': 'Step Functions Execution Status Change',
      detail: { name: executionName(job), status, error, cause },
    },
    context,
  );
}

export const handler = functionHandler(Input, reconcile);
