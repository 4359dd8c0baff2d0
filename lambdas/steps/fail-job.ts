import type { z } from 'zod';
import { CaughtError, ExecutionInput } from '../../core/execution.ts';
import { endUnfinished } from '../end-unfinished.ts';
import { functionHandler } from '../function-handler.ts';
import { describeStepFailure } from '../step-failure.ts';
import type { Storage } from '../storage.ts';
import { totalsOf } from '../totals.ts';

export const Input = ExecutionInput.extend({ error: CaughtError });

/** Ends a job whose lifecycle broke; what its repositories had completed stays. */
export async function failJob({ jobId, run, error }: z.infer<typeof Input>, storage: Storage): Promise<void> {
  const reason = describeStepFailure(error);
  const rows = await endUnfinished(storage, { jobId, run }, 'failed', {
    name: reason.name,
    message: `The job failed: ${reason.message}`,
  });
  await storage.jobs.end(jobId, run, {
    ...(await totalsOf(storage, jobId, rows, 'failed')),
    status: 'failed',
    at: storage.now(),
    error: reason,
  });
}

export const handler = functionHandler(Input, failJob);
