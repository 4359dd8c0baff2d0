import { z } from 'zod';
import { executionName } from '../../core/execution.ts';
import { type ErrorDescription, isEnded, type JobRow } from '../../core/job.ts';
import type { Readable } from '../../core/stored.ts';
import { JOB_CANCELLED } from '../end-unfinished.ts';
import { Executions } from '../executions.ts';
import { functionHandler } from '../function-handler.ts';
import { logger } from '../logger.ts';
import { findMendedJob } from '../mended-job.ts';
import { completeJob } from '../steps/complete-job.ts';
import type { Storage } from '../storage.ts';
import { sweep } from '../sweep.ts';
import { executionEnded } from './execution-ended.ts';

/** A schedule's event; nothing of it matters. */
export const Input = z.looseObject({});

/** How many of the newest jobs are looked at once they have ended: 2 MB, and a cent a day. */
const ENDED_JOBS = 1000;

/**
 * Mends what events missed: a pending job whose execution was never started gets it, a job whose execution ended without
 * a word ends too, and what an ended job has left unfinished is ended. Safe to run at any time, also twice at once. A job
 * that cannot be mended is logged, and keeps no other from it.
 */
export async function reconcile(_event: z.infer<typeof Input>, storage: Storage): Promise<void> {
  const executions = new Executions(storage.settings);
  for await (const jobId of unfinishedJobs(storage)) {
    try {
      await reconcileJob(jobId, executions, storage);
    } catch (error) {
      logger.error(`The job ${jobId} could not be mended`, error as Error);
    }
  }
  await deleteWhatIsLeft(executions, storage);
}

/** Begins again a deletion whose execution was never started, or failed. */
async function deleteWhatIsLeft(executions: Executions, { jobs }: Storage): Promise<void> {
  for await (const { jobId, run } of jobs.deletions()) {
    const execution = await executions.describe({ jobId, run });
    if (execution === undefined) await executions.start({ jobId, run, action: 'delete' });
    else if (execution.status !== 'RUNNING' && (await jobs.deleteAgain(jobId, run)))
      await executions.start({ jobId, run: run + 1, action: 'delete' });
  }
}

/** Those that say that they run, and among the newest those whose row or whose repositories are not as an end leaves them. */
async function* unfinishedJobs(storage: Storage): AsyncGenerator<string> {
  for (const status of ['pending', 'processing'] as const)
    for await (const { jobId } of pagesOf(storage, { status })) yield jobId;
  let looked = 0;
  for await (const job of pagesOf(storage, {})) {
    looked += 1;
    if (looked > ENDED_JOBS) return;
    const isListedAbove = job.status === 'pending' || job.status === 'processing';
    if (job.asWritten || (!isListedAbove && hasUnfinished(job))) yield job.jobId;
  }
}

async function* pagesOf(
  { jobs }: Storage,
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

async function reconcileJob(jobId: string, executions: Executions, storage: Storage): Promise<void> {
  // The index may be behind; the table is what counts.
  const job = await findMendedJob(jobId, storage);
  if (!job) return;
  if (isEnded(job.status) && !hasUnfinished(job)) return;
  const execution = await executions.describe(job);
  if (isEnded(job.status)) await endWhatIsLeft(job, execution, executions, storage);
  else if (execution === undefined) await executions.start(job);
  // CompleteJob ends the job before its execution succeeds: somebody has reset the row since, and the rows say what came of it.
  else if (execution.status === 'SUCCEEDED') await completeJob(job, storage);
  else if (execution.status !== 'RUNNING') await endLike(job, execution, storage);
}

type Execution = Awaited<ReturnType<Executions['describe']>>;

/** A cancel that broke off is brought to its end. What still runs for a job that somebody ended by hand ends by itself. */
async function endWhatIsLeft(
  job: JobRow,
  execution: Execution,
  executions: Executions,
  storage: Storage,
): Promise<void> {
  const wasCancelled = job.status === 'cancelled';
  if (execution?.status === 'RUNNING') {
    if (!wasCancelled) return;
    await executions.stop(job, 'The job was cancelled.');
  }
  if (wasCancelled) await storage.jobs.stop(job.jobId, job.run, 'cancelled');
  await sweep(
    storage,
    job,
    wasCancelled ? 'cancelled' : 'failed',
    wasCancelled ? JOB_CANCELLED : LEFT_BEHIND,
  );
}

const LEFT_BEHIND: ErrorDescription = {
  name: 'WorkerLostError',
  message: 'The job ended before this repository had. Retry the job to run it again.',
};

async function endLike(
  job: JobRow,
  { status, error, cause }: Exclude<Execution, undefined>,
  storage: Storage,
): Promise<void> {
  await executionEnded(
    {
      'detail-type': 'Step Functions Execution Status Change',
      detail: { name: executionName(job), status, error, cause },
    },
    storage,
  );
}

export const handler = functionHandler(Input, reconcile);
