import type { z } from 'zod';
import { CaughtError, ExecutionInput } from '../../core/execution.ts';
import { endUnfinished } from '../run/end-unfinished.ts';
import { functionHandler } from '../function-handler.ts';
import { logJobEnd } from '../run/job-ended.ts';
import { findMendedJob } from '../run/mended-job.ts';
import { describeStepFailure } from '../step-failure.ts';
import type { Storage } from '../context.ts';
import { totalsOf } from '../run/totals.ts';

export const Input = ExecutionInput.extend({ error: CaughtError });

/** Ends a job whose lifecycle broke; what its repositories had completed stays. */
export async function failJob({ jobId, run, error }: z.infer<typeof Input>, storage: Storage): Promise<void> {
  const reason = describeStepFailure(error);
  await findMendedJob(jobId, storage);
  const rows = await endUnfinished(storage, { jobId, run }, 'failed', {
    name: reason.name,
    message: `The job failed: ${reason.message}`,
  });
  const totals = await totalsOf(storage, jobId, rows, 'failed');
  const ended = await storage.jobs.end(jobId, run, {
    ...totals,
    status: 'failed',
    at: storage.now(),
    error: reason,
  });
  if (ended) logJobEnd({ ...totals, status: 'failed' });
}

export const handler = functionHandler(Input, failJob);
