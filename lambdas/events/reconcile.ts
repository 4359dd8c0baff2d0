import { z } from 'zod';
import { executionName } from '../../core/execution.ts';
import type { JobRow, Status } from '../../core/job.ts';
import { Executions } from '../executions.ts';
import { functionHandler } from '../function-handler.ts';
import type { Storage } from '../storage.ts';
import { executionEnded } from './execution-ended.ts';

/** A schedule's event; nothing of it matters. */
export const Input = z.looseObject({});

/**
 * Mends what events missed: a pending job whose execution was never started gets it, and a job whose execution ended
 * without a word ends too. Safe to run at any time, also twice at once.
 */
export async function reconcile(_event: z.infer<typeof Input>, storage: Storage): Promise<void> {
  const executions = new Executions(storage.settings);
  for (const status of ['pending', 'processing'] as const) {
    for await (const job of jobsOf(storage, status)) {
      const execution = await executions.describe(job);
      if (execution === undefined) await executions.start(job);
      else if (execution.status !== 'RUNNING') await endLike(job, execution, storage);
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

async function* jobsOf({ jobs }: Storage, status: Status): AsyncGenerator<JobRow> {
  let cursor: string | undefined;
  do {
    const page = await jobs.list({ status, limit: 100, ...(cursor && { cursor }) });
    // The index may be behind; the table is what counts.
    for (const { jobId } of page.jobs) {
      const job = await jobs.find(jobId);
      if (job?.status === status) yield job;
    }
    cursor = page.cursor;
  } while (cursor);
}

type Ended = Exclude<Awaited<ReturnType<Executions['describe']>>, undefined>;

async function endLike(job: JobRow, { status, error, cause }: Ended, storage: Storage): Promise<void> {
  // CompleteJob and FailJob end the job before their execution ends, so even a success without that is a failure.
  const failure = status === 'SUCCEEDED' || status === 'RUNNING' ? 'FAILED' : status;
  await executionEnded(
    {
      'detail-type': 'Step Functions Execution Status Change',
      detail: { name: executionName(job), status: failure, error, cause },
    },
    storage,
  );
}

export const handler = functionHandler(Input, reconcile);
