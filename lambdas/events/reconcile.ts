import { z } from 'zod';
import { executionName, type RunId } from '../../core/execution.ts';
import { isEnded, type JobRow } from '../../core/job.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { logger } from '../logger.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED, type RunEnd } from '../run/end-unfinished.ts';
import { Executions } from '../run/executions.ts';
import { findMendedJob } from '../run/mended-job.ts';
import { completeJob } from '../steps/complete-job.ts';
import { executionEnded } from './execution-ended.ts';

/** A schedule's event; nothing of it matters. */
export const Input = z.looseObject({});

/** How many of the newest jobs are looked at once they have ended: 2 MB, and a cent a day. */
const ENDED_JOBS = 1000;

/** How many of the oldest jobs are looked at whether they have expired. */
const OLDEST_JOBS = 1000;
/** Deletions of expired jobs that one run begins: each may remove 10,000 rows. The next run goes on. */
const EXPIRIES = 10;

/**
 * Mends what events missed: a pending job whose execution was never started gets it, a job whose execution ended without
 * a word ends too, and what an ended job has left unfinished is ended. Then begins the deletion of jobs that have expired.
 * Safe to run at any time, also twice at once. A job that cannot be mended is logged, and keeps no other from it.
 */
export async function reconcile(_event: z.infer<typeof Input>, context: Context): Promise<void> {
  const executions = new Executions(context.settings);
  for await (const jobId of unfinishedJobs(context))
    await attempt(`The job ${jobId} could not be mended`, () => reconcileJob(jobId, executions, context));
  for await (const deletion of context.jobs.deletions())
    await attempt(`The deletion of the job ${deletion.jobId} could not be begun again`, () =>
      deleteAgain(deletion, executions, context),
    );
  await deleteExpired(executions, context);
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

/** Begins again a deletion whose execution was never started, or failed. */
async function deleteAgain({ jobId, run }: RunId, executions: Executions, { jobs }: Context): Promise<void> {
  const execution = await executions.describe({ jobId, run });
  if (execution === undefined) await executions.start({ jobId, run, action: 'delete' });
  else if (execution.status !== 'RUNNING' && (await jobs.deleteAgain(jobId, run)))
    await executions.start({ jobId, run: run + 1, action: 'delete' });
}

/** What cannot be deleted is not counted, so that it keeps no other job from it. */
async function deleteExpired(executions: Executions, context: Context): Promise<void> {
  let begun = 0;
  for await (const jobId of context.jobs.expired(context.now(), OLDEST_JOBS)) {
    const isBegun = await attempt(`The job ${jobId} has expired and could not be deleted`, () =>
      deleteExpiredJob(jobId, executions, context),
    );
    if (isBegun) begun += 1;
    if (begun === EXPIRIES) return;
  }
}

/** As a cancel and a DELETE do. A job that runs is cancelled first; RemoveJob ends its execution and its workers. */
async function deleteExpiredJob(jobId: string, executions: Executions, context: Context): Promise<void> {
  const { jobs, control, now } = context;
  // The index may be behind; the table is what counts.
  const job = await findMendedJob(jobId, context);
  if (!job?.expiresAt || job.expiresAt > now()) return;
  const { run } = job;
  if (!isEnded(job.status)) {
    await jobs.cancel(jobId, run, now());
    await control.stop(jobId, run, 'cancelled');
  }
  if (!(await jobs.markDeleted(jobId, run, now()))) return;
  logger.info('A job has expired and is deleted', { jobId, expiresAt: job.expiresAt });
  // One that cannot be started is begun again above, by the next run.
  await executions.start({ jobId, run: run + 1, action: 'delete' });
}

/** Those that say that they run, and among the newest those whose row or whose repositories are not as an end leaves them. */
async function* unfinishedJobs(context: Context): AsyncGenerator<string> {
  for (const status of ['pending', 'processing'] as const)
    for await (const { jobId } of pagesOf(context, { status })) yield jobId;
  let looked = 0;
  for await (const job of pagesOf(context, {})) {
    looked += 1;
    if (looked > ENDED_JOBS) return;
    const isListedAbove = job.status === 'pending' || job.status === 'processing';
    if (job.asWritten || (!isListedAbove && hasUnfinished(job))) yield job.jobId;
  }
}

async function* pagesOf(
  { jobs }: Context,
  query: { status?: 'pending' | 'processing' },
): AsyncGenerator<Readable<JobRow>> {
  let cursor: string | undefined;
  do {
    const page = await jobs.list({ ...query, limit: 100, ...(cursor && { cursor }) });
    yield* page.jobs;
    cursor = page.cursor;
  } while (cursor);
}

function hasUnfinished({ counts: { pending, processing, unknown = 0 } }: JobRow): boolean {
  return pending + processing + unknown > 0;
}

async function reconcileJob(jobId: string, executions: Executions, context: Context): Promise<void> {
  // The index may be behind; the table is what counts.
  const job = await findMendedJob(jobId, context);
  if (!job) return;
  if (isEnded(job.status) && !hasUnfinished(job)) return;
  const execution = await executions.describe(job);
  if (isEnded(job.status)) await endWhatIsLeft(job, execution, executions, context);
  else if (execution === undefined) await executions.start(job);
  // CompleteJob ends the job before its execution succeeds: somebody has reset the row since, and the rows say what came of it.
  else if (execution.status === 'SUCCEEDED') await completeJob(job, context);
  else if (execution.status !== 'RUNNING') await endLike(job, execution, context);
}

type Execution = Awaited<ReturnType<Executions['describe']>>;

/** A cancel that broke off is brought to its end. What still runs for a job that somebody ended by hand ends by itself. */
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
